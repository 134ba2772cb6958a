// SPDX-License-Identifier: MIT
/** When devices came, went and sent; since the start of the emulator. */
import type { EventEmitter } from "node:events";
import type { EmulatorEvents } from "../../events";

/** ISO 8601. */
export interface ActivityTimes {
  connectionStateUpdatedTime?: string;
  lastActivityTime?: string;
}

/** Listens to the events of an emulator. */
export class Activity {
  /** By hub and device id. */
  readonly #times = new Map<string, ActivityTimes>();

  /** @param now milliseconds since 1970 */
  constructor(events: EventEmitter<EmulatorEvents>, now: () => number) {
    const note = (hub: string, deviceId: string, connection: boolean) => {
      const time = new Date(now()).toISOString();
      const key = `${hub}/${deviceId}`;
      const change = connection ? { connectionStateUpdatedTime: time } : {};
      this.#times.set(key, { ...this.#times.get(key), lastActivityTime: time, ...change });
    };
    const connection = ({ endpoint, id }: { endpoint: string; id: string }) => {
      if (endpoint !== "dps") note(endpoint, id, true);
    };
    events.on("connect", connection);
    events.on("disconnect", connection);
    events.on("telemetry", ({ hub, deviceId }) => note(hub, deviceId, false));
    events.on("reported", ({ hub, deviceId }) => note(hub, deviceId, false));
  }

  of(hub: string, deviceId: string): ActivityTimes {
    return this.#times.get(`${hub}/${deviceId}`) ?? {};
  }

  /** Drops what is known of a device that is deleted. */
  forget(hub: string, deviceId: string): void {
    this.#times.delete(`${hub}/${deviceId}`);
  }
}
