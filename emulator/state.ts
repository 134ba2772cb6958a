// SPDX-License-Identifier: MIT
/** Keeps what the emulator remembers in one JSON file. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { replaceDurablyAsync } from "../hosts/node/durable-file";
import { readHandedOver, textOf } from "../hosts/node/handed-over";
import { parseJson, readJson } from "./json-reader";
import type { DeviceRecord, EnrollmentChange, RegistrationRecord, StoredPolicy } from "./records";
import { stateOf } from "./state-reader";

const FILE = "state.json";
/** Bytes: what one text of JavaScript can hold, which bounds what was written. */
const LARGEST = 512 * 1024 * 1024;
const VERSION = 1;

/** The state is not on disk; it is whole in memory, and the next change tries again. */
export class StateError extends Error {
  constructor(path: string, cause: NodeJS.ErrnoException) {
    const full = cause.code === "ENOSPC" || cause.code === "EDQUOT" ? "; the disk is full, make room" : "";
    super(`cannot write ${path}: ${cause.message}${full}`, { cause });
    this.name = "StateError";
    const { code, errno, syscall } = cause;
    Object.assign(this, { code, errno, syscall, path });
  }
}

/** The state, and its file when a directory was given. */
export class StateStore {
  /** By registration id in lower case. */
  readonly registrations = new Map<string, RegistrationRecord>();
  /** By hub name, then device id. */
  readonly hubs = new Map<string, Map<string, DeviceRecord>>();
  /** By kind and key, for example `group line-1`. */
  readonly enrollments = new Map<string, EnrollmentChange>();
  policies: StoredPolicy[] = [];
  readonly #path: string | undefined;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failing = false;
  /** Called when a write fails, and not again until one has succeeded. */
  onFailing: (error: StateError) => void = () => {};

  /**
   * @param directory keeps `state.json`, and is locked for this process; undefined keeps nothing beyond it
   * @throws DocumentError when the stored state is damaged or of another version, BerthError `invalid-argument` when it is
   *   no text or over 512 MB; the message says what to delete
   */
  constructor(directory?: string) {
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#path = join(directory, FILE);
    if (existsSync(this.#path)) this.#load(this.#path);
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

  /** The devices of `hub`. */
  devicesOf(hub: string): Map<string, DeviceRecord> {
    let devices = this.hubs.get(hub);
    if (!devices) {
      devices = new Map();
      this.hubs.set(hub, devices);
    }
    return devices;
  }

  /**
   * To be called after a change; settles when the state as it is now is on disk. Changes that come while a write is
   * under way share the next one, and one that fails is no hindrance to the next. @throws StateError
   */
  changed(): Promise<void> {
    if (this.#path === undefined) return Promise.resolve();
    this.#next ??= (this.#writing ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write(this.#path!);
        return this.#writing;
      });
    return this.#next;
  }

  async #write(path: string): Promise<void> {
    try {
      await replaceDurablyAsync(path, Buffer.from(this.#serialise()));
      this.#failing = false;
    } catch (error) {
      const failure = new StateError(path, error as NodeJS.ErrnoException);
      if (!this.#failing) this.onFailing(failure);
      this.#failing = true;
      throw failure;
    }
  }

  #serialise(): string {
    const hubs = [...this.hubs].map(([name, devices]) => ({ name, devices: [...devices.values()] }));
    return JSON.stringify({
      version: VERSION,
      registrations: [...this.registrations.values()],
      hubs,
      enrollments: [...this.enrollments.values()],
      policies: this.policies,
    });
  }

  #load(path: string): void {
    const source = `${path} (delete it to start without registrations)`;
    const text = textOf(readHandedOver(path, LARGEST), source);
    const read = readJson(stateOf(VERSION), parseJson(text, source), source);
    const { registrations, hubs, enrollments = [], policies = [] } = read;
    this.policies = policies;
    for (const change of enrollments) this.enrollments.set(`${change.kind} ${change.key}`, change);
    for (const record of registrations) this.registrations.set(record.registrationId.toLowerCase(), record);
    for (const { name, devices } of hubs) {
      const known = this.devicesOf(name);
      for (const device of devices) known.set(device.deviceId, device);
    }
  }
}
