// SPDX-License-Identifier: MIT
/** An outbox in flash by itself: what leads to it, and what it gives. */
import { VirtualTime } from "../../simulator/virtual-time";
import { nodeText } from "../../simulator/virtual-host";
import type { MessageOwner, MessageQueue, OutboxOptions, TelemetryMessage } from "../../src/agent/outbox";
import type { BerthError } from "../../src/error";
import { flashLog, type FlashLogOptions } from "../../src/flash-log";
import type { FlashRegion, Host } from "../../src/host";
import { IDENTITY } from "./agent-world";

const OWNER: MessageOwner = { acknowledged() {}, recalled() {} };

export interface QueueWorld {
  readonly queue: MessageQueue;
  readonly time: VirtualTime;
  readonly errors: BerthError[];
  readonly add: (text: string, bag?: string) => number;
  /** Takes the oldest: it is on its way. */
  readonly take: () => TelemetryMessage | undefined;
  /** Takes and acknowledges all. @returns their payloads, with the bag where there is one */
  readonly drain: () => string[];
}

export function flashQueue(
  region: FlashRegion,
  options: OutboxOptions & FlashLogOptions = {},
  { registrationId = "device-1", start = true }: { registrationId?: string; start?: boolean } = {},
): QueueWorld {
  const time = new VirtualTime();
  const errors: BerthError[] = [];
  const { dailyErases, ...rest } = options;
  const make = flashLog({ region: () => region, ...(dailyErases !== undefined && { dailyErases }) });
  const host = { text: nodeText, timers: time, clock: time } as unknown as Host;
  const queue = make(OWNER, rest, host, { ...IDENTITY, registrationId }, (error) => errors.push(error));
  if (start) queue.start?.();
  const take = (): TelemetryMessage | undefined => {
    const message = queue.oldest;
    queue.shift();
    return message;
  };
  return {
    queue,
    time,
    errors,
    add: (text, bag) => queue.add(nodeText.encode(text), bag),
    take,
    drain() {
      const texts: string[] = [];
      for (let message = take(); message; message = take()) {
        texts.push(textOf(message));
        queue.release(message);
      }
      return texts;
    },
  };
}

export function textOf({ payload, bag }: TelemetryMessage): string {
  const text = nodeText.decode(payload);
  return bag === "" ? text : `${text} ${bag}`;
}
