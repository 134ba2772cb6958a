// SPDX-License-Identifier: MIT
/**
 * The outbox in flash with what may lie in its four sectors: one byte of options, the sectors. With an option, headers
 * and messages are put in order first, but for messages whose first byte says that they are damaged; with another one
 * the sectors follow each other, too, as they do unless someone has made them up.
 */
import type { BerthError } from "../../../src/error";
import type { FlashRegion } from "../../../src/host";
import { SectorLog } from "../../../src/outbox/log";
import {
  encodeRecord,
  encodeSector,
  ERASED,
  RECORD_HEADER,
  recordSize,
  SECTOR_HEADER,
} from "../../../src/outbox/record";
import { digest, Input, must, sameBytes, type Target } from "./target";

const SECTORS = 4;
const SIZE = 256;
const OWNER = 7;
const NEW = Uint8Array.of(1, 2, 3);

export const outbox: Target = {
  memory: SECTORS * SIZE,
  run(bytes) {
    const input = new Input(bytes);
    const options = input.byte();
    const flash = new Uint8Array(SECTORS * SIZE).fill(ERASED);
    flash.set(input.take(flash.length));
    for (let slot = 0; options & 1 && slot < SECTORS; slot += 1) {
      const sector = flash.subarray(slot * SIZE, (slot + 1) * SIZE);
      if (options & 2 && sector[11] !== ERASED) sector[11] = 10 + ((slot + (options >> 2)) % SECTORS);
      seal(sector);
    }
    const damaged: string[] = [];
    const messages = all(flash, damaged);
    must(all(flash).join() === messages.join(), "another start reads something else");

    const log = opened(flash);
    while (!log.hasRoom(0, NEW.length)) log.drop();
    log.add(0, NEW.length, (body) => body.set(NEW));
    const kept = all(flash);
    must(kept.pop() === line(NEW), "what was added is not read last");
    must(
      !(options & 2) || messages.join().endsWith(kept.join()),
      "what was added has changed what was there",
    );

    const done = opened(flash);
    for (let message = done.read(); message; message = done.read()) done.done(message);
    must(opened(flash).unread === 0, "done with, and still there");
    done.add(0, NEW.length, (body) => body.set(NEW));
    done.clear();
    must(opened(flash).unread === 0, "cleared, and still there");
    return [...messages, ...damaged].join("\n");
  },
};

/** What a start reads. */
function all(flash: Uint8Array, told: string[] = []): string[] {
  const log = opened(flash, told);
  const { unread } = log;
  const before = told.length;
  const messages: string[] = [];
  for (let message = log.read(); message; message = log.read()) {
    must(message.bag.length + message.payload.length <= log.largest, "longer than a sector");
    messages.push(line(message.payload, message.bag));
  }
  must(
    messages.length + told.length - before === unread,
    `${unread} were there, ${messages.length} are read`,
  );
  return messages;
}

function line(payload: Uint8Array, bag: Uint8Array = new Uint8Array(0)): string {
  return `${digest(bag)} ${digest(payload)}`;
}

function opened(flash: Uint8Array, told: string[] = []): SectorLog {
  return new SectorLog(
    new Flash(flash),
    OWNER,
    () => true,
    (error: BerthError) => {
      must(error.code === "outbox-damaged", error.code);
      told.push(error.message);
    },
  );
}

/** As NOR flash: a zero stays one until its sector is erased. */
class Flash implements FlashRegion {
  readonly sectors = SECTORS;
  readonly sectorSize = SIZE;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  erase(sector: number): void {
    must(sector >= 0 && sector < SECTORS, "no sector");
    this.#bytes.fill(ERASED, sector * SIZE, (sector + 1) * SIZE);
  }

  read(at: number, target: Uint8Array): void {
    must(at >= 0 && at + target.length <= this.#bytes.length, "read past the end");
    target.set(this.#bytes.subarray(at, at + target.length));
  }

  write(at: number, bytes: Uint8Array): void {
    must(at >= 0 && at + bytes.length <= this.#bytes.length, "written past the end");
    for (let i = 0; i < bytes.length; i += 1)
      this.#bytes[at + i] = (this.#bytes[at + i] as number) & (bytes[i] as number);
  }
}

/** Sequence numbers, marks and lengths are those of the input, as far as they fit. */
function seal(sector: Uint8Array): void {
  const sequence = sector[11] as number;
  // What never was begun.
  if (sequence === ERASED) return;
  const since = sector[15] as number;
  sector.set(encodeSector({ owner: OWNER, sequence, since }));
  for (let at = SECTOR_HEADER; at + RECORD_HEADER <= SIZE; ) {
    const [mark = 0, kind = 0, , bag = 0, , payload = 0] = sector.subarray(at, at + 6);
    const size = recordSize(bag, payload);
    if (kind === ERASED || at + size > SIZE) return;
    const body = sector.slice(at + RECORD_HEADER, at + RECORD_HEADER + bag + payload);
    const whole = encodeRecord(sequence, bag, payload, (target) => target.set(body));
    must(sameBytes(whole.subarray(RECORD_HEADER, RECORD_HEADER + body.length), body), "another body");
    whole[0] = mark;
    // Its header holds, its body does not.
    if (mark === 254) whole[8] = (whole[8] as number) ^ 1;
    // Neither does.
    if (mark === 253) whole[6] = (whole[6] as number) ^ 1;
    sector.set(whole, at);
    at += size;
  }
}
