// SPDX-License-Identifier: MIT
/**
 * The assignment record, and the store with what may lie in its two slots: one byte of options, one of the length of
 * the first slot, the two slots. With the option, magic, version, length and checksum are put in order first. The second
 * slot is also read as the record of what slows a device down.
 */
import type { BerthError } from "../../../src/error";
import type { Store, TextCodec } from "../../../src/host";
import { ASSIGNMENT, type Assignment } from "../../../src/storage/assignment";
import { AssignmentStore, SLOT_KEYS } from "../../../src/storage/assignment-store";
import { crc32 } from "../../../src/storage/crc32";
import { decodeRecord, encodeRecord, type StoredRecord } from "../../../src/storage/record";
import { retryCodec } from "../../../src/storage/retry-record";
import { digest, Input, must, sameBytes, type Target } from "./target";

const FRAME = 16;
const WRITTEN = Object.freeze({
  idScope: "0ne00000000",
  registrationId: "device-1",
  hub: "hub.example",
  deviceId: "device-1",
  assignedAt: 1_800_000_000_000,
});

export const record: Target = {
  memory: 2_000,
  run(bytes, text) {
    const input = new Input(bytes);
    const options = input.byte();
    const first = input.take(input.byte() * 2);
    const slots = [first, input.rest()].map((slot, i) => (options & (1 << i) ? sealed(slot) : slot));
    const lines = slots.map((slot) => describe(slot, text));
    const second = slots[1] as Uint8Array;
    lines.push(describeRetry(options & 8 ? sealedRetry(second) : second, text));
    const store = new SlotStore();
    for (const [i, slot] of slots.entries()) if (slot.length > 0) store.write(SLOT_KEYS[i] as string, slot);
    const kept = new AssignmentStore(store, text);
    const found = kept.read();
    must(
      found === undefined ||
        slots.some((slot) => decodeRecord(ASSIGNMENT, slot, text)?.value?.hub === found.hub),
      "an assignment from nowhere",
    );
    if (options & 4) {
      kept.forget();
      must(kept.read() === undefined, "forgotten, and still there");
    }
    kept.write(WRITTEN);
    const read = new AssignmentStore(store, text).read();
    must(JSON.stringify(read) === JSON.stringify(WRITTEN), "what was written is not what is read");
    kept.forget();
    must(new AssignmentStore(store, text).read() === undefined, "forgotten after a write, and still there");
    return [...lines, String(found?.hub)].join("\n");
  },
};

/** Two values in memory, within the limits of NVS. */
class SlotStore implements Store {
  readonly #values = new Map<string, Uint8Array>();

  read(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.slice();
  }

  write(key: string, value: Uint8Array): void {
    this.#values.set(key, value.slice());
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}

/** `bytes` as a record: kind, sequence and body are theirs, the rest is made to fit. */
function sealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < FRAME) return bytes;
  const whole = bytes.slice();
  const view = new DataView(whole.buffer);
  view.setUint32(0, 0x42525448);
  view.setUint8(4, 1);
  view.setUint16(10, whole.length - FRAME);
  view.setUint32(whole.length - 4, crc32(whole.subarray(0, whole.length - 4)));
  return whole;
}

/** The checksum of the owner, of `WRITTEN`. */
const OWNER = crc32(Uint8Array.from([..."0ne00000000\ndevice-1"], (character) => character.charCodeAt(0)));

/** As `sealed`, of the other kind and for the device whose record it is. */
function sealedRetry(bytes: Uint8Array): Uint8Array {
  if (bytes.length < FRAME + 4) return bytes;
  const whole = bytes.slice();
  const view = new DataView(whole.buffer);
  view.setUint8(5, 3);
  view.setUint32(FRAME - 4, OWNER);
  return sealed(whole);
}

function describeRetry(slot: Uint8Array, text: TextCodec): string {
  const codec = retryCodec(WRITTEN);
  const decoded = decodeRecord(codec, slot, text);
  const retry = decoded?.value;
  if (!retry) return "none";
  must(
    sameBytes(encodeRecord(codec, decoded, text), slot),
    "a retry record that would be written in another way",
  );
  return `${retry.dpsWait} ${retry.toldWait} ${retry.counts.join()} ${retry.operationAge}`;
}

function describe(slot: Uint8Array, text: TextCodec): string {
  const decoded = decodeRecord(ASSIGNMENT, slot, text);
  if (!decoded) return "none";
  // What is believed is what would be written; a NaN need not keep its bits.
  if (!Number.isNaN(decoded.value?.assignedAt)) {
    must(sameBytes(encoded(decoded, text), slot), "a record that would be written in another way");
  }
  // The date by its bytes: of two texts that are as close, XS and Node choose another.
  const assignedAt = decoded.value && digest(slot.subarray(12, 20));
  return JSON.stringify({ ...decoded, value: { ...decoded.value, assignedAt } });
}

function encoded(decoded: StoredRecord<Assignment>, text: TextCodec): Uint8Array {
  try {
    return encodeRecord(ASSIGNMENT, decoded, text);
  } catch (error) {
    throw new Error(`broken rule: a record that cannot be written: ${(error as BerthError).code}`);
  }
}
