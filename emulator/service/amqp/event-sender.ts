// SPDX-License-Identifier: MIT
/** Sends a reader the events of a partition, and keeps Event Hubs' rules on how many may read. */
import type { LoggedEvent, Partition } from "../../hub/event-log";
import { encodeEvent } from "./event-message";
import { Outlet } from "./outlet";
import type { AmqpError, CountedSender } from "./rhea";
import { parseSelector } from "./selector";
import type { AmqpSocket } from "./socket";

/** Readers without an owner level of one partition in one consumer group, Azure's limit. */
const MOST_READERS = 5;

interface Reader {
  /** The owner level; undefined for one that shares. */
  epoch: number | undefined;
  disconnect(error: AmqpError): void;
}

/** Who reads: by partition, then consumer group. */
export class Readers {
  readonly #readers = new Map<Partition, Map<string, Set<Reader>>>();

  /** Lets one in, and puts those out that have to make way; why it may not come in, else. */
  join(partition: Partition, group: string, reader: Reader): AmqpError | undefined {
    const groups = this.#readers.get(partition) ?? new Map<string, Set<Reader>>();
    this.#readers.set(partition, groups);
    const others = groups.get(group) ?? new Set<Reader>();
    groups.set(group, others);
    const level = reader.epoch ?? -1;
    if ([...others].some(({ epoch = -1 }) => epoch > level))
      return stolen("a reader of a higher owner level has this partition in this consumer group");
    if (reader.epoch !== undefined) {
      for (const other of [...others]) {
        others.delete(other);
        other.disconnect(stolen(`a reader of the owner level ${level} has come`));
      }
    } else if (others.size >= MOST_READERS) {
      return {
        condition: "amqp:resource-limit-exceeded",
        description: `${MOST_READERS} read this partition in this consumer group already; take another consumer group, or close one`,
      };
    }
    others.add(reader);
    return undefined;
  }

  leave(partition: Partition, group: string, reader: Reader): void {
    const groups = this.#readers.get(partition);
    groups?.get(group)?.delete(reader);
    if (groups?.get(group)?.size === 0) groups.delete(group);
  }
}

function stolen(description: string): AmqpError {
  return { condition: "amqp:link:stolen", description };
}

/** Serves a link; what it returns ends that. Why it is refused, else. */
export function sendEvents(
  sender: CountedSender,
  socket: AmqpSocket,
  { partition, group, readers }: { partition: Partition; group: string; readers: Readers },
  now: () => number,
): { wake(): void; close(): void } | AmqpError {
  const position = parseSelector(selectorOf(sender));
  if (!position)
    return {
      condition: "com.microsoft:argument-error",
      description: "the filter has to be like amqp.annotation.x-opt-offset > '-1'",
    };
  const properties = sender.properties as Record<string, unknown> | undefined;
  const level = properties?.["com.microsoft:epoch"];
  const reader: Reader = {
    epoch: level === undefined || level === null ? undefined : Number(level),
    disconnect: (error) => sender.close(error),
  };
  const refusal = readers.join(partition, group, reader);
  if (refusal) return refusal;
  const capabilities = [sender.desired_capabilities].flat();
  const tellsLast = capabilities.includes("com.microsoft:enable-receiver-runtime-metric");
  let next = partition.find(position);
  const outlet = new Outlet(sender, socket, () => {
    let event: LoggedEvent | undefined;
    for (;;) {
      // What was dropped before it was read is passed over.
      next = Math.max(next, partition.first);
      event = partition.at(next);
      if (!event || outlet.room <= 0) return event !== undefined;
      next++;
      outlet.send(encodeEvent(event, tellsLast ? { partition, now: now() } : undefined));
    }
  });
  partition.readers.add(outlet.wake);
  return {
    wake: outlet.wake,
    close() {
      outlet.close();
      partition.readers.delete(outlet.wake);
      readers.leave(partition, group, reader);
    },
  };
}

function selectorOf(sender: CountedSender): string | undefined {
  const filter = (sender.source as { filter?: Record<string, unknown> } | null)?.filter;
  const selector = filter?.["apache.org:selector-filter:string"];
  if (selector === undefined || selector === null) return undefined;
  // A described value keeps its descriptor.
  const text = typeof selector === "object" && "value" in selector ? selector.value : selector;
  return String(text);
}
