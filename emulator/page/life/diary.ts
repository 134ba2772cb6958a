// SPDX-License-Identifier: MIT
/** The rows that there are, those that the filter lets through, and the one that is chosen. */
import { batch, computed, signal } from "@preact/signals";
import { listen } from "../link/feed";
import type { EventRecord } from "../link/records";
import { pending, type Row, rowOf } from "./rows";

/** Rows that are kept; the oldest quarter goes when there are more. */
const MOST_ROWS = 24_000;

/** What is shown. */
export interface Filter {
  /** Words that a row must hold, each of them: device, peer, title, detail. */
  text: string;
  /** Leaves out PINGREQ, PINGRESP and PUBACK. */
  hideQuiet: boolean;
  /** Refusals, faults, and ends that were not planned only. */
  troubleOnly: boolean;
}

export const filter = signal<Filter>({ text: "", hideQuiet: false, troubleOnly: false });
/** Nothing new is shown while it is set; it is kept all the same. */
export const paused = signal(false);
export const chosen = signal<Row | undefined>(undefined);
/** Peers that were seen, in the order of the lifelines. */
export const peers = signal<readonly string[]>(["dps"]);
/** Counts what is not shown since the pause began. */
export const heldBack = signal(0);

let rows: Row[] = [];
const waiting = pending();
/** New for each change of what is shown: its identity is what makes the list draw again. */
const version = signal(0);
let shownRows: Row[] = [];
let shownFilter = filter.peek();
/** Up to where `rows` has been looked at. */
let looked = 0;
/** Rows that there were when the pause began. */
let pausedAt = Number.POSITIVE_INFINITY;

/** The rows to show; the array is the same one, grown. */
export const shown = computed(() => {
  version.value;
  const wanted = filter.value;
  if (wanted !== shownFilter) {
    shownFilter = wanted;
    shownRows = [];
    looked = 0;
  }
  const fits = predicate(wanted);
  const end = Math.min(rows.length, pausedAt);
  for (; looked < end; looked++) if (fits(rows[looked]!)) shownRows.push(rows[looked]!);
  return { rows: shownRows, count: shownRows.length };
});

/** All rows that are kept. */
export function allRows(): readonly Row[] {
  return rows;
}

/** Takes events. */
export function take(records: readonly EventRecord[]): void {
  let added = 0;
  const known = new Set(peers.peek());
  for (const record of records) {
    const row = rowOf(record, waiting);
    if (!row) continue;
    rows.push(row);
    added++;
    if (row.peer !== "") known.add(row.peer);
  }
  if (rows.length > MOST_ROWS) {
    rows = rows.slice(MOST_ROWS / 4);
    looked = Math.max(0, looked - MOST_ROWS / 4);
    pausedAt = Math.max(0, pausedAt - MOST_ROWS / 4);
    const oldest = rows[0]!.key;
    const first = shownRows.findIndex(({ key }) => key >= oldest);
    shownRows = first < 0 ? [] : shownRows.slice(first);
  }
  batch(() => {
    if (known.size > peers.peek().length)
      peers.value = [...known].sort((one, other) => order(one) - order(other) || (one < other ? -1 : 1));
    if (paused.peek()) heldBack.value += added;
    else if (added > 0) version.value++;
  });
}

/** Shows what came during a pause, or begins one. */
export function setPaused(value: boolean): void {
  pausedAt = value ? rows.length : Number.POSITIVE_INFINITY;
  batch(() => {
    paused.value = value;
    heldBack.value = 0;
    if (!value) version.value++;
  });
}

/** Forgets all rows of this page; the emulator keeps its own. */
export function clear(): void {
  rows = [];
  shownRows = [];
  looked = 0;
  if (paused.peek()) pausedAt = 0;
  batch(() => {
    chosen.value = undefined;
    heldBack.value = 0;
    version.value++;
  });
}

function order(peer: string): number {
  return peer === "dps" ? 0 : 1;
}

function predicate({ text, hideQuiet, troubleOnly }: Filter): (row: Row) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    if (hideQuiet && row.tone === "quiet") return false;
    if (troubleOnly && row.tone !== "bad" && row.tone !== "fault" && !isCut(row)) return false;
    if (words.length === 0) return true;
    const content = `${row.device} ${row.peer} ${row.title} ${row.detail} ${row.reason ?? ""}`.toLowerCase();
    return words.every((word) => content.includes(word));
  };
}

/** A connection that ended otherwise than by plan. */
function isCut({ tone, detail }: Row): boolean {
  return tone === "end" && detail !== "DISCONNECT";
}

listen(take);
