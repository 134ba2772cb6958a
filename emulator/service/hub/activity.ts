// SPDX-License-Identifier: MIT
/** When devices came, went and sent; since the start of the emulator. */
import type { EventEmitter } from "node:events";
import type { EmulatorEvents } from "../../events";

/** ISO 8601. */
export interface ActivityTimes {
  connectionStateUpdatedTime?: string;
  lastActivityTime?: string;
}

/** Milliseconds since 1970: a device that sends much has them changed often, and read seldom. */
interface Times {
  connection?: number;
  activity: number;
}

/** Listens to the events of an emulator. */
export class Activity {
  /** By hub and device id. */
  readonly #times = new Map<string, Times>();

  /** @param now milliseconds since 1970 */
  constructor(events: EventEmitter<EmulatorEvents>, now: () => number) {
    const note = (hub: string, deviceId: string): Times => {
      const key = `${hub}/${deviceId}`;
      const times = this.#times.get(key) ?? { activity: 0 };
      times.activity = now();
      this.#times.set(key, times);
      return times;
    };
    const connection = ({ endpoint, id }: { endpoint: string; id: string }) => {
      if (endpoint === "dps") return;
      const times = note(endpoint, id);
      times.connection = times.activity;
    };
    events.on("connect", connection);
    events.on("disconnect", connection);
    events.on("telemetry", ({ hub, deviceId }) => note(hub, deviceId));
    events.on("reported", ({ hub, deviceId }) => note(hub, deviceId));
  }

  of(hub: string, deviceId: string): ActivityTimes {
    const times = this.#times.get(`${hub}/${deviceId}`);
    if (!times) return {};
    const date = (time: number) => new Date(time).toISOString();
    return {
      lastActivityTime: date(times.activity),
      ...(times.connection === undefined ? {} : { connectionStateUpdatedTime: date(times.connection) }),
    };
  }

  /** Drops what is known of a device that is deleted. */
  forget(hub: string, deviceId: string): void {
    this.#times.delete(`${hub}/${deviceId}`);
  }
}
