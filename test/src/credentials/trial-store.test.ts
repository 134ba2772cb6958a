// SPDX-License-Identifier: MIT
/** A value in use and one on trial through power cuts all over every write. */
import { describe, expect, test } from "@jest/globals";
import { MemoryStore, nodeText } from "../../../simulator/virtual-host";
import type { Store } from "../../../src/host";
import { ISSUED_CERTIFICATE, type StoredCertificate } from "../../../src/credentials/stored-certificate";
import { ROOT_BUNDLE } from "../../../src/credentials/stored-roots";
import { type TrialKeys, TrialStore } from "../../../src/credentials/trial-store";
import { type Flash, TEARINGS, TornStore } from "../../helpers/torn-store";

const KEYS: TrialKeys = { slots: ["one", "two"], state: ["s0", "s1", "s2"] };
const OWNER = 0xfedc_ba98;

function value(seed: number, chain = 2): StoredCertificate {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * seed) & 0xff);
  return { key: bytes(7), chain: Array.from({ length: chain }, (_, i) => bytes(5 + i)) };
}

const [A, B, C] = [value(3), value(5), value(7)];
const DRAFT = value(11, 0);

function open(store: Store, owner = OWNER): TrialStore<StoredCertificate> {
  return new TrialStore(store, nodeText, ISSUED_CERTIFICATE, KEYS, owner);
}

type Step = readonly [name: string, apply: (store: TrialStore<StoredCertificate>) => void];

const offer = (one: StoredCertificate): Step => ["offer", (store) => store.offer(one)];
const draft: Step = ["draft", (store) => store.draft(DRAFT)];
const believe: Step = ["believe", (store) => store.believe()];
const tried: Step = ["tried", (store) => store.tried()];
const giveUp: Step = ["give up", (store) => store.giveUp(9)];
const forget: Step = ["forget", (store) => store.forget()];

/** Steps that have been taken, and those that come next. */
const HISTORIES: readonly (readonly [name: string, before: readonly Step[]])[] = [
  ["nothing", []],
  ["a draft", [draft]],
  ["one on trial", [offer(A)]],
  ["one in use", [offer(A), believe]],
  ["one in use, a draft beside it", [offer(A), believe, draft]],
  ["one in use, one on trial", [offer(A), believe, offer(B), tried]],
  ["one given up", [offer(A), believe, offer(B), giveUp]],
  ["the second in use", [offer(A), believe, offer(B), believe]],
  ["forgotten", [offer(A), believe, forget]],
];
const NEXT: readonly Step[] = [offer(C), draft, believe, tried, giveUp, forget];

function seen(store: TrialStore<StoredCertificate>) {
  return { active: store.active, trial: store.trial };
}

function take(flash: Flash, steps: readonly Step[]): void {
  const memory = new MemoryStore();
  for (const [key, bytes] of flash) memory.values.set(key, bytes);
  for (const [, apply] of steps) apply(open(memory));
  flash.clear();
  for (const [key, bytes] of memory.values) flash.set(key, bytes);
}

function whole(flash: Flash): TrialStore<StoredCertificate> {
  return open(new TornStore(flash, { states: () => 1, state: () => undefined }));
}

describe.each(TEARINGS)("power cuts where a write is: %s", (_, tearing) => {
  test.each(HISTORIES)("after %s", (historyName, before) => {
    // Each third state, another one each time: all of them come in some history.
    const first = HISTORIES.findIndex(([one]) => one === historyName) % 3;
    const flash: Flash = new Map();
    take(flash, before);
    const old = seen(whole(flash));
    for (const [name, apply] of NEXT) {
      const done: Flash = new Map(flash);
      const step: Step = [name, apply];
      take(done, [step]);
      const after = seen(whole(done));
      for (let at = first; ; at += 3) {
        const torn: Flash = new Map(flash);
        let cut = false;
        try {
          apply(open(new TornStore(torn, tearing, at)));
        } catch {
          // As PowerCut, or as the store's own error.
          cut = true;
        }
        const found = seen(whole(torn));
        // The one in use is the one before or the one that comes; the one on trial is whole, or none is.
        expect([old.active, after.active]).toContainEqual(found.active);
        expect([old.trial, after.trial, undefined]).toContainEqual(found.trial);
        if (old.active && after.active) expect(found.active).toBeDefined();
        // Life goes on.
        const going = whole(torn);
        going.offer(B);
        expect(whole(torn).trial).toEqual(B);
        going.believe();
        expect(seen(whole(torn))).toEqual({ active: B, trial: undefined });
        if (!cut) break;
      }
    }
  });
});

describe("without faults", () => {
  test("a draft is there until something else takes its place", () => {
    const store = open(new MemoryStore());
    expect(store.drafted).toBeUndefined();
    store.draft(DRAFT);
    expect(store.drafted).toEqual(DRAFT);
    store.offer(A);
    expect([store.drafted, store.trial, store.active]).toEqual([undefined, A, undefined]);
    store.believe();
    store.draft(DRAFT);
    expect([store.drafted, store.active]).toEqual([DRAFT, A]);
    store.discard();
    expect([store.drafted, store.active]).toEqual([undefined, A]);
  });

  test("tries and mark last over a restart, and end with what they are of", () => {
    const memory = new MemoryStore();
    const store = open(memory);
    store.offer(A);
    store.tried();
    store.tried();
    expect(open(memory).tries).toBe(2);
    store.giveUp(7);
    expect([open(memory).tries, open(memory).mark]).toEqual([0, 7]);
    store.offer(B);
    store.believe();
    expect([open(memory).tries, open(memory).mark]).toEqual([0, 0]);
  });

  test("another owner's values are none, and are removed before any of one's own comes", () => {
    const memory = new MemoryStore();
    const theirs = open(memory);
    theirs.offer(A);
    theirs.believe();
    const ours = open(memory, 1);
    expect(seen(ours)).toEqual({ active: undefined, trial: undefined });
    expect(open(memory).active).toEqual(A);
    ours.draft(DRAFT);
    expect(open(memory).active).toBeUndefined();
    expect(open(memory, 1).drafted).toEqual(DRAFT);
  });

  test("what was in use is removed once another is: no key stays behind", () => {
    const memory = new MemoryStore();
    const store = open(memory);
    store.offer(A);
    store.believe();
    store.offer(B);
    store.believe();
    expect(["one", "two"].filter((key) => memory.values.has(key))).toHaveLength(1);
    store.forget();
    expect(["one", "two"].filter((key) => memory.values.has(key))).toEqual([]);
  });

  test("a record that is damaged is none", () => {
    const memory = new MemoryStore();
    const store = open(memory);
    store.offer(A);
    store.believe();
    (memory.values.get("one") as Uint8Array)[20] ^= 1;
    expect(seen(open(memory))).toEqual({ active: undefined, trial: undefined });
  });
});

test("bodies of any bytes are read, or are none", () => {
  for (let length = 0; length < 40; length += 1) {
    for (const fill of [0, 1, 0xff]) {
      const body = new Uint8Array(length).fill(fill);
      for (const codec of [ISSUED_CERTIFICATE, ROOT_BUNDLE]) {
        const read = codec.decode(body, nodeText);
        if (read) expect(codec.encode(read as never, nodeText)).toEqual(body);
      }
    }
  }
});
