// SPDX-License-Identifier: MIT
/** What the emulator remembers: in memory, and on disk when it has a directory. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { getSystemErrorName } from "node:util";
import { makeDirectory } from "../hosts/node/durable-file";
import { readHandedOver, textOf } from "../hosts/node/handed-over";
import { DocumentError } from "./json-reader";
import type { DeviceRecord, EnrollmentChange, RegistrationRecord, StoredPolicy } from "./records";
import { parseState, type StateDocument } from "./state-document";
import { StateFile } from "./state-file";

/** What older emulators kept, and `--export` writes. */
const DOCUMENT = "state.json";
/** Bytes: what one text of JavaScript can hold, which bounds what was written. */
const LARGEST = 512 * 1024 * 1024;
/** Of the records on disk. */
const VERSION = 1;

/** The state is not on disk; it is whole in memory, and the next change tries again. */
export class StateError extends Error {
  constructor(path: string, cause: NodeJS.ErrnoException) {
    // LMDB has the number alone.
    const number: unknown = cause.code;
    const errno = typeof number === "number" && number > 0 ? -number : cause.errno;
    const code = errno === undefined ? cause.code : getSystemErrorName(errno);
    const full = code === "ENOSPC" || code === "EDQUOT" ? "; the disk is full, make room" : "";
    super(`cannot write ${path}: ${cause.message}${full}`, { cause });
    this.name = "StateError";
    Object.assign(this, { code, errno, syscall: "write", path });
  }
}

/** A map that says which of its keys has changed. */
class NotedMap<V> extends Map<string, V> {
  readonly #note: (key: string) => void;

  constructor(note: (key: string) => void) {
    super();
    this.#note = note;
  }

  override set(key: string, value: V): this {
    super.set(key, value);
    this.#note(key);
    return this;
  }

  override delete(key: string): boolean {
    const had = super.delete(key);
    if (had) this.#note(key);
    return had;
  }
}

/**
 * The state. What is put into its maps or taken out of them reaches the disk by itself; a device that is changed in place
 * has to be named by `touched`. Who tells a client of a change waits for `settled` first.
 */
export class StateStore {
  /** By registration id in lower case. */
  readonly registrations: Map<string, RegistrationRecord> = new NotedMap((key) =>
    this.#note(`registration ${key}`),
  );
  /** By kind and key, for example `group line-1`. */
  readonly enrollments: Map<string, EnrollmentChange> = new NotedMap((key) =>
    this.#note(`enrollment ${key}`),
  );
  /** By hub name, then device id. */
  readonly hubs = new Map<string, Map<string, DeviceRecord>>();
  #policies: StoredPolicy[] = [];
  #file: StateFile | undefined;
  /** Keys of the records that differ from what is on disk. */
  readonly #dirty = new Set<string>();
  #next: Promise<void> | undefined;
  #failing = false;
  /** Called when a write fails, and not again until one has succeeded. */
  onFailing: (error: StateError) => void = () => {};
  /** What happened to the files when they were opened, in words. */
  readonly notices: string[] = [];

  /**
   * Opens the state in `directory`, which is this process's for as long: the caller holds its lock. A `state.json` of an
   * older emulator is taken over once. A damaged file is set aside, what of it can be read is kept, and `notices` says so.
   * @throws DocumentError when the records are of another version, or `state.json` is damaged; BerthError
   *   `invalid-argument` when that is no text or over 512 MB; Error when lmdb has no binary for this computer
   */
  static async open(directory: string): Promise<StateStore> {
    makeDirectory(directory);
    const document = join(directory, DOCUMENT);
    const store = new StateStore();
    const { file, records, damaged } = await StateFile.open(directory);
    try {
      const old = existsSync(document) && records.size === 0 ? readDocument(document) : undefined;
      store.#load(records, file.path);
      store.#file = file;
      if (old) await store.#takeOver(old, file.path, document);
      else if (existsSync(document))
        store.notices.push(`${document} is not read: ${file.path} has the state; move one of them away`);
    } catch (error) {
      await file.close();
      throw error;
    }
    if (damaged !== undefined)
      store.notices.push(
        `${file.path} was damaged and is now ${damaged}; ${records.size} records could be read and are kept, what had been deleted may be among them`,
      );
    return store;
  }

  /**
   * What is on disk in `directory`; an emulator may be running in it. Undefined when there is nothing.
   * @throws as `open`; StateDamaged
   */
  static async read(directory: string): Promise<StateStore | undefined> {
    const document = join(directory, DOCUMENT);
    const store = new StateStore();
    const records = StateFile.isIn(directory) ? await StateFile.read(directory) : new Map<string, unknown>();
    if (records.size > 0) store.#load(records, directory);
    else if (existsSync(document)) store.#adopt(readDocument(document));
    else return undefined;
    return store;
  }

  /** The largest sequence number of a waiting message; 0 without any. */
  get lastSequence(): number {
    let last = 0;
    for (const devices of this.hubs.values()) {
      for (const { queue } of devices.values())
        for (const { sequence } of queue) last = Math.max(last, sequence);
    }
    return last;
  }

  get policies(): readonly StoredPolicy[] {
    return this.#policies;
  }

  set policies(policies: StoredPolicy[]) {
    this.#policies = policies;
    this.#note("policies");
  }

  /** The devices of `hub`. */
  devicesOf(hub: string): Map<string, DeviceRecord> {
    let devices = this.hubs.get(hub);
    if (!devices) {
      devices = new NotedMap((deviceId) => this.#note(`device ${hub}/${deviceId}`));
      this.hubs.set(hub, devices);
    }
    return devices;
  }

  /** A device of `hub` has been changed in place. */
  touched(hub: string, { deviceId }: DeviceRecord): void {
    this.#note(`device ${hub}/${deviceId}`);
  }

  /** Settles when every change until now is on disk. @throws StateError; the next call tries again */
  settled(): Promise<void> {
    if (!this.#file || this.#dirty.size === 0) return Promise.resolve();
    // All changes of this turn of the loop, of whatever client, share a transaction.
    this.#next ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#write(this.#file!));
    return this.#next;
  }

  /** Stores what has changed, and frees the file. @throws StateError; the file is free then, too */
  async close(): Promise<void> {
    try {
      await this.settled();
    } finally {
      const file = this.#file;
      this.#file = undefined;
      await file?.close();
    }
  }

  /** All of it. */
  document(): StateDocument {
    return {
      registrations: [...this.registrations.values()],
      hubs: [...this.hubs].map(([name, devices]) => ({ name, devices: [...devices.values()] })),
      enrollments: [...this.enrollments.values()],
      policies: this.#policies,
    };
  }

  #note(key: string): void {
    this.#dirty.add(key);
    // A failure is told by `onFailing`, and to who waits.
    this.settled().catch(() => {});
  }

  #write(file: StateFile): void {
    this.#next = undefined;
    try {
      file.write(["version", ...this.#dirty].map((key) => [key, this.#valueOf(key)]));
      this.#dirty.clear();
      this.#failing = false;
    } catch (error) {
      const failure = new StateError(file.path, error as NodeJS.ErrnoException);
      if (!this.#failing) this.onFailing(failure);
      this.#failing = true;
      throw failure;
    }
  }

  #valueOf(key: string): unknown {
    const [kind, rest] = halves(key, " ");
    switch (kind) {
      case "version":
        return VERSION;
      case "policies":
        return this.#policies;
      case "registration":
        return this.registrations.get(rest);
      case "enrollment":
        return this.enrollments.get(rest);
      default: {
        const [hub, deviceId] = halves(rest, "/");
        return this.hubs.get(hub)?.get(deviceId);
      }
    }
  }

  /** The checksums say that this program wrote them, and the version that they are as it writes them now. */
  #load(records: ReadonlyMap<string, unknown>, path: string): void {
    const version = records.get("version") ?? VERSION;
    if (version !== VERSION)
      throw new DocumentError(
        `${path} (move it away to start without registrations)`,
        "version",
        `is ${version}, and this emulator reads ${VERSION}`,
      );
    for (const [key, value] of records) {
      const [kind, rest] = halves(key, " ");
      if (kind === "policies") this.#policies = value as StoredPolicy[];
      else if (kind === "registration") this.registrations.set(rest, value as RegistrationRecord);
      else if (kind === "enrollment") this.enrollments.set(rest, value as EnrollmentChange);
      else if (kind === "device") {
        const [hub, deviceId] = halves(rest, "/");
        this.devicesOf(hub).set(deviceId, value as DeviceRecord);
      }
    }
    this.#dirty.clear();
  }

  #adopt({ registrations, hubs, enrollments, policies }: StateDocument): void {
    this.policies = policies;
    for (const change of enrollments) this.enrollments.set(`${change.kind} ${change.key}`, change);
    for (const record of registrations) this.registrations.set(record.registrationId.toLowerCase(), record);
    for (const { name, devices } of hubs) {
      const known = this.devicesOf(name);
      for (const device of devices) known.set(device.deviceId, device);
    }
  }

  async #takeOver(old: StateDocument, path: string, document: string): Promise<void> {
    this.#adopt(old);
    await this.settled();
    const copy = `${document}.taken-over`;
    renameSync(document, copy);
    this.notices.push(`${document} was taken over into ${path}, and is now ${copy}`);
  }
}

function readDocument(path: string): StateDocument {
  const source = `${path} (delete it to start without registrations)`;
  return parseState(textOf(readHandedOver(path, LARGEST), source), source);
}

/** Before the first separator, and behind it. */
function halves(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
