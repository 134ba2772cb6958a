// SPDX-License-Identifier: MIT
/** The stream of events: read in batches, and taken up again where it broke off. */
import { signal } from "@preact/signals";
import { open, token } from "./api";
import type { EventRecord } from "./records";

/** How it stands with the emulator. `foreign`: one answers that does not know this session. */
export type LinkState = "connecting" | "live" | "lost" | "foreign" | "no-token";

/** For the whole page. */
export const link = signal<LinkState>(token === "" ? "no-token" : "connecting");

/** Whether there is anything to show: an emulator has answered since the page was opened. */
export const hasAnswered = signal(false);

/** Milliseconds between attempts: the first, and at most. */
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 3000;
/** Milliseconds that reading may take before the browser draws. */
const SLICE = 8;

const listeners = new Set<(batch: readonly EventRecord[]) => void>();
/** `instance-seq` of the last event that was seen. */
let last = "start";

/** Calls back with each batch of events. */
export function listen(listener: (batch: readonly EventRecord[]) => void): void {
  listeners.add(listener);
}

/** Reads for as long as the page is open. */
export async function follow(): Promise<void> {
  let pause = FIRST_PAUSE;
  while (token !== "") {
    const isOver = await readOnce(() => {
      pause = FIRST_PAUSE;
      hasAnswered.value = true;
      link.value = "live";
    });
    link.value = isOver ? "foreign" : "lost";
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.7, LONGEST_PAUSE);
  }
}

/** One connection to its end. @returns true when the session is not known there */
async function readOnce(onLive: () => void): Promise<boolean> {
  try {
    const response = await open("localhost", "GET", `/events?types=${TYPES}&after=${last}`);
    if (response.status === 401 || response.status === 403) return true;
    if (!response.ok || !response.body) return false;
    onLive();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return false;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      await hand(lines);
    }
  } catch {
    // The network's own words help nobody here: nothing answers.
    return false;
  }
}

const TYPES = [
  "packet",
  "connect",
  "disconnect",
  "refuse",
  "stranger",
  "response",
  "assigned",
  "telemetry",
  "reported",
  "desired",
  "method",
  "methodResult",
  "queued",
  "delivered",
  "fault",
  "problem",
].join(",");

/** Parses and hands over, a slice of time at a time. */
async function hand(lines: readonly string[]): Promise<void> {
  let batch: EventRecord[] = [];
  let until = performance.now() + SLICE;
  const flush = () => {
    if (batch.length > 0) for (const listener of listeners) listener(batch);
    batch = [];
  };
  for (const line of lines) {
    if (line === "") continue;
    const record = JSON.parse(line) as
      | EventRecord
      | { event: "listening"; id: string }
      | { event: "dropped" };
    if (record.event === "listening") instance = record.id.split("-")[0] ?? "";
    else if (record.event !== "dropped") {
      batch.push(record);
      if ("seq" in record) last = `${instance}-${record.seq}`;
    }
    if (performance.now() < until) continue;
    flush();
    await new Promise((resolve) => setTimeout(resolve));
    until = performance.now() + SLICE;
  }
  flush();
}
let instance = "";
