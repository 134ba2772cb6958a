// SPDX-License-Identifier: MIT
/**
 * A ring of sectors in flash: messages are added at its end, read from its front, and marked when they are done with.
 *
 * A sector is erased when it is to be begun anew, never before: where nothing is sent nothing is worn. What a power cut, a
 * torn write or a flipped bit has left is passed over and told; a sector whose end is not as erased takes nothing more.
 */
import { asBerthError, BerthError, invalidArgument } from "../error";
import type { FlashRegion } from "../host";
import {
  checkOf,
  decodeHead,
  decodeSector,
  encodeRecord,
  encodeSector,
  isErased,
  ERASED,
  RECORD_HEADER,
  type RecordHeader,
  recordSize,
  SECTOR_HEADER,
} from "./record";

/** Where a message stands. */
export interface Place {
  slot: number;
  sequence: number;
  offset: number;
}

/** A message that was read. */
export interface LoggedMessage extends Place {
  readonly bag: Uint8Array;
  readonly payload: Uint8Array;
}

interface Found {
  readonly offset: number;
  readonly header: RecordHeader;
}

/** `sequence` of a sector that could not be erased or written in this run. */
const BAD = -1;

export class SectorLog {
  readonly #region: FlashRegion;
  readonly #owner: number;
  readonly #mayErase: () => boolean;
  readonly #report: (error: BerthError) => void;
  /** By sector: its sequence number; 0 for one that holds nothing. */
  readonly #sequences: number[];
  /** By sector: messages that are not done with. */
  readonly #waiting: number[];
  /** The highest sequence number there was. */
  #last = 0;
  #since = 1;
  /** The sector that is written to; -1 before there is one. */
  #newest = -1;
  /** Where its next message goes. */
  #end = 0;
  /** What is read next: a sector and an offset in it. */
  #slot = -1;
  #offset = SECTOR_HEADER;
  #unread = 0;

  /**
   * Looks at all that is there.
   * @param owner number of whose messages they are: those of others do not count, and are erased in their turn
   * @param mayErase asked for each sector that is begun
   * @param report hears what cannot be read
   * @throws BerthError `invalid-argument` for a region of another shape; what the region throws
   */
  constructor(
    region: FlashRegion,
    owner: number,
    mayErase: () => boolean,
    report: (error: BerthError) => void,
  ) {
    const { sectors, sectorSize } = region;
    if (!(sectors >= 2 && sectorSize >= 256 && sectorSize <= 65_536 && sectorSize % 4 === 0)) {
      throw invalidArgument(
        `the outbox has ${sectors} sectors of ${sectorSize} bytes; give it 2 at least, of 256 to 65536`,
      );
    }
    this.#region = region;
    this.#owner = owner;
    this.#mayErase = mayErase;
    this.#report = report;
    this.#sequences = new Array<number>(sectors).fill(0);
    this.#waiting = new Array<number>(sectors).fill(0);
    this.#open();
  }

  /** Messages that `read` has not given yet. */
  get unread(): number {
    return this.#unread;
  }

  /** Sectors begun so far, in the whole life of the region: as many erases. */
  get erases(): number {
    return this.#last;
  }

  /** Bytes of the largest message with its property bag. */
  get largest(): number {
    return this.#region.sectorSize - SECTOR_HEADER - RECORD_HEADER;
  }

  /** A message can be added and no other one needs to be dropped. */
  hasRoom(bag: number, payload: number): boolean {
    if (this.#fits(recordSize(bag, payload))) return true;
    const next = this.#next();
    return next < 0 || (this.#waiting[next] as number) <= 0;
  }

  /**
   * Adds a message: it is in flash on return, and was read back.
   * @param fill as `encodeRecord`
   * @throws BerthError `outbox-worn`; `outbox-unwritten` where no sector takes it, for want of room too
   */
  add(bag: number, payload: number, fill: (body: Uint8Array) => void): Place {
    const size = recordSize(bag, payload);
    for (;;) {
      // Ends: a sector that takes nothing is not begun twice in a row, and no more often than it may be erased.
      if (!this.#fits(size)) this.#begin();
      const slot = this.#newest;
      const sequence = this.#sequences[slot] as number;
      const offset = this.#end;
      if (this.#writes(slot, offset, encodeRecord(sequence, bag, payload, fill))) {
        this.#end += size;
        this.#waiting[slot] = (this.#waiting[slot] as number) + 1;
        this.#unread += 1;
        return { slot, sequence, offset };
      }
      // Whatever it holds of this message is passed over.
      this.#end = this.#region.sectorSize;
      if (offset === SECTOR_HEADER) this.#sequences[slot] = BAD;
    }
  }

  /** What was added last, with nothing unread before it, need not be read. */
  skip(): void {
    this.#slot = this.#newest;
    this.#offset = this.#end;
    this.#unread = 0;
  }

  /** The next message, or undefined without one. What cannot be read is told, and passed over. @throws what the region throws */
  read(): LoggedMessage | undefined {
    while (this.#unread > 0) {
      const slot = this.#slot;
      const found = this.#find(slot, this.#offset);
      if (!found) {
        if (this.#toNextSector()) continue;
        // Fewer than were counted: the flash reads otherwise now.
        this.#unread = 0;
        break;
      }
      const { offset, header } = found;
      const { bag, payload } = header;
      this.#offset = offset + recordSize(bag, payload);
      if (header.done) continue;
      this.#unread -= 1;
      const place = { slot, sequence: this.#sequences[slot] as number, offset };
      const body = this.#bodyOf(slot, found);
      if (body) return { ...place, bag: body.subarray(0, bag), payload: body.subarray(bag) };
      this.#damaged(slot, recordSize(bag, payload));
      this.done(place);
    }
    return undefined;
  }

  /** The hub has it. Where that cannot be written it is sent once more after a restart. */
  done({ slot, sequence, offset }: Place): void {
    if (this.#sequences[slot] !== sequence) return;
    this.#waiting[slot] = (this.#waiting[slot] as number) - 1;
    this.#mark(slot, offset);
  }

  /** Drops what waits in the oldest sector. @returns its sequence number, and how many of it `read` had not given yet */
  drop(): { sequence: number; unread: number } {
    const slot = this.#next();
    let unread = 0;
    if (slot === this.#slot) {
      unread = this.#survey(slot, this.#offset).waiting;
      this.#unread -= unread;
      this.#toNextSector();
    }
    const sequence = this.#sequences[slot] as number;
    this.#sequences[slot] = this.#waiting[slot] = 0;
    return { sequence, unread };
  }

  /** Forgets all messages for good, and erases them. @throws BerthError `outbox-unwritten` */
  clear(): void {
    if (this.#newest < 0) return;
    this.#waiting.fill(0);
    this.#unread = 0;
    // From the moment that the next header stands nothing before counts, whatever becomes of the erases.
    this.#since = this.#last + 1;
    this.#begin(() => true);
    for (const slot of this.#sequences.keys()) {
      if (slot === this.#newest || (this.#sequences[slot] as number) <= 0) continue;
      this.#sequences[slot] = 0;
      try {
        this.#erase(slot);
      } catch (error) {
        throw unwritten(error);
      }
    }
  }

  #open(): void {
    const header = new Uint8Array(SECTOR_HEADER);
    for (const slot of this.#sequences.keys()) {
      this.#read(slot, 0, header);
      const found = decodeSector(header);
      if (found?.owner !== this.#owner) {
        if (found)
          this.#report(new BerthError("outbox-damaged", `sector ${slot} has messages of another device`));
        // Neither erased nor about to be.
        else if (!isErased(header) && !isBlank(header)) this.#damaged(slot, this.#region.sectorSize);
        continue;
      }
      this.#sequences[slot] = found.sequence;
      if (found.sequence <= this.#last) continue;
      this.#last = found.sequence;
      this.#since = found.since;
      this.#newest = slot;
    }
    if (this.#newest < 0) return;
    let before = 0;
    for (let i = 1; i <= this.#region.sectors; i += 1) {
      const slot = (this.#newest + i) % this.#region.sectors;
      const sequence = this.#sequences[slot] as number;
      // Forgotten, and the power went before it was erased: `clear` had told. Or of an earlier round, where it could not be.
      if (sequence < this.#since || sequence <= before) {
        this.#sequences[slot] = 0;
        continue;
      }
      if (before === 0) this.#slot = slot;
      before = sequence;
      const { waiting, lost, end } = this.#survey(slot, SECTOR_HEADER, slot === this.#newest);
      this.#waiting[slot] = waiting;
      this.#unread += waiting;
      if (lost > 0) this.#damaged(slot, lost);
      if (slot === this.#newest) this.#end = lost > 0 ? this.#region.sectorSize : end;
    }
  }

  /**
   * What a sector holds from an offset on.
   * @param isNewest its last message may be torn
   * @returns messages that wait, bytes that are of none, and where the last one ends
   */
  #survey(slot: number, from: number, isNewest = false): { waiting: number; lost: number; end: number } {
    let waiting = 0;
    let lost = 0;
    let end = from;
    for (let found = this.#find(slot, end); found; found = this.#find(slot, end)) {
      const { offset, header } = found;
      const next = offset + recordSize(header.bag, header.payload);
      lost += offset - end;
      if (!header.done) {
        if (isNewest && this.#tail(slot, next) === 0 && !this.#bodyOf(slot, found)) {
          // Torn: left out from now on.
          this.#mark(slot, offset);
          break;
        }
        waiting += 1;
      }
      end = next;
    }
    return { waiting, lost: lost + this.#tail(slot, end), end };
  }

  /** Begins the next sector. @throws BerthError `outbox-worn`, `outbox-unwritten` */
  #begin(mayErase = this.#mayErase): void {
    for (;;) {
      const slot = this.#next();
      if (slot < 0) throw unwritten("no sector can be erased and written");
      if ((this.#waiting[slot] as number) > 0) throw unwritten("no sector is free");
      if (!mayErase()) throw new BerthError("outbox-worn", `${this.#last} so far`);
      if (slot === this.#slot) this.#toNextSector();
      const sequence = this.#last + 1;
      // Whatever of it stands in flash after this.
      this.#last = sequence;
      this.#sequences[slot] = BAD;
      try {
        this.#erase(slot);
      } catch {
        continue;
      }
      if (!this.#writes(slot, 0, encodeSector({ owner: this.#owner, sequence, since: this.#since })))
        continue;
      this.#sequences[slot] = sequence;
      this.#newest = slot;
      this.#end = SECTOR_HEADER;
      if (this.#unread === 0) this.skip();
      return;
    }
  }

  #mark(slot: number, offset: number): void {
    try {
      this.#region.write(slot * this.#region.sectorSize + offset, new Uint8Array(1));
    } catch (error) {
      this.#report(unwritten(error));
    }
  }

  /** Half an erase must leave no header that counts: messages may read as waiting again. */
  #erase(slot: number): void {
    this.#region.write(slot * this.#region.sectorSize, new Uint8Array(SECTOR_HEADER));
    this.#region.erase(slot);
  }

  /** @returns whether it is there, as it should be */
  #writes(slot: number, offset: number, bytes: Uint8Array): boolean {
    const back = new Uint8Array(bytes.length);
    try {
      this.#region.write(slot * this.#region.sectorSize + offset, bytes);
      this.#read(slot, offset, back);
    } catch {
      return false;
    }
    return back.every((byte, i) => byte === bytes[i]);
  }

  #fits(size: number): boolean {
    return (this.#sequences[this.#newest] ?? 0) > 0 && this.#end + size <= this.#region.sectorSize;
  }

  /** The sector that is begun next, the oldest; -1 where all others are bad. */
  #next(): number {
    const { sectors } = this.#region;
    for (let i = 1; i <= sectors; i += 1) {
      const slot = (this.#newest + i) % sectors;
      if (slot !== this.#newest && this.#sequences[slot] !== BAD) return slot;
    }
    return -1;
  }

  /** @returns false when there is none */
  #toNextSector(): boolean {
    if (this.#slot === this.#newest) return false;
    do this.#slot = (this.#slot + 1) % this.#region.sectors;
    while (this.#slot !== this.#newest && (this.#sequences[this.#slot] as number) <= 0);
    this.#offset = SECTOR_HEADER;
    return true;
  }

  /** The next message from `from` on, over whatever is none; undefined where the sector holds no more. */
  #find(slot: number, from: number): Found | undefined {
    const { sectorSize } = this.#region;
    const head = new Uint8Array(RECORD_HEADER);
    for (let offset = from; offset + RECORD_HEADER <= sectorSize; offset += 4) {
      this.#read(slot, offset, head);
      if (offset === from && isErased(head) && this.#tail(slot, offset) === 0) return undefined;
      const header = decodeHead(this.#sequences[slot] as number, head);
      if (!header || offset + recordSize(header.bag, header.payload) > sectorSize) continue;
      const found = { offset, header };
      // Among what is no message only a whole one is believed.
      if (offset === from || this.#bodyOf(slot, found)) return found;
    }
    return undefined;
  }

  /** Property bag and payload; undefined when they are not what was written. */
  #bodyOf(slot: number, { offset, header }: Found): Uint8Array | undefined {
    const { bag, payload, checksum } = header;
    const body = new Uint8Array(bag + payload);
    this.#read(slot, offset + RECORD_HEADER, body);
    return checkOf(this.#sequences[slot] as number, bag, payload, body) === checksum ? body : undefined;
  }

  /** Bytes from `from` on to the last one that is not as erased. */
  #tail(slot: number, from: number): number {
    const rest = new Uint8Array(Math.max(0, this.#region.sectorSize - from));
    this.#read(slot, from, rest);
    let length = rest.length;
    while (length > 0 && rest[length - 1] === ERASED) length -= 1;
    return length;
  }

  #read(slot: number, offset: number, target: Uint8Array): void {
    if (target.length > 0) this.#region.read(slot * this.#region.sectorSize + offset, target);
  }

  #damaged(slot: number, bytes: number): void {
    this.#report(new BerthError("outbox-damaged", `${bytes} bytes of sector ${slot}`));
  }
}

/** Zeros. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function unwritten(cause: unknown): BerthError {
  return new BerthError("outbox-unwritten", asBerthError(cause).message);
}
