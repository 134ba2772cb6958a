// SPDX-License-Identifier: MIT
/** What events told of each device since the page was opened, and what the emulator had kept: bounded. */
import { signal } from "@preact/signals";
import { listen } from "../link/feed";
import type { EarlyTrouble, Of, Trouble } from "../link/records";

const MOST_DEVICES = 2000;
const MOST_TELEMETRY = 200;
const MOST_OTHERS = 50;
/** Milliseconds between two times that views are told. */
const PACE = 200;
/** The same for lists, which are read from the services. */
const LIST_PACE = 1000;

/** What is known of one device. Lists have the oldest first. */
export interface History {
  assigned: Of<"assigned">[];
  telemetry: Of<"telemetry">[];
  /** Connections and their ends, refusals and faults. */
  trouble: Trouble[];
}

const histories = new Map<string, History>();
/** Changes when something was added. */
export const changed = signal(0);
/** Changes when a list of devices is to be read anew. */
export const devicesChanged = signal(0);
/** Changes when a twin has changed; names its device. */
export const twinChanged = signal<{ hub: string; deviceId: string } | undefined>(undefined);

/** Of a device, by registration id or device id. */
export function historyOf(id: string): History {
  return histories.get(id.toLowerCase()) ?? { assigned: [], telemetry: [], trouble: [] };
}

/** What befell clients of whom nobody knew who they are: before CONNECT, and at TLS. The oldest first. */
export const early: EarlyTrouble[] = [];

/** Ids of the devices that events told of, the latest last. */
export function knownDevices(): readonly string[] {
  return [...histories.keys()];
}

function ensure(id: string): History {
  const key = id.toLowerCase();
  const found = histories.get(key) ?? { assigned: [], telemetry: [], trouble: [] };
  histories.delete(key);
  histories.set(key, found);
  if (histories.size > MOST_DEVICES) histories.delete(histories.keys().next().value!);
  return found;
}

function push<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.splice(0, list.length - most);
}

function tellLists(): void {
  if (isListDue) return;
  isListDue = true;
  setTimeout(() => {
    isListDue = false;
    devicesChanged.value++;
  }, LIST_PACE);
}

let isDue = false;
let isListDue = false;

listen((batch) => {
  for (const record of batch) {
    switch (record.event) {
      case "telemetry":
        push(ensure(record.deviceId).telemetry, record, MOST_TELEMETRY);
        break;
      case "assigned":
        push(ensure(record.registrationId).assigned, record, MOST_OTHERS);
        tellLists();
        break;
      case "connect":
      case "disconnect":
      case "refuse":
        push(ensure(record.id).trouble, record, MOST_OTHERS);
        tellLists();
        break;
      case "fault":
        if (record.id) push(ensure(record.id).trouble, record, MOST_OTHERS);
        else push(early, record, MOST_OTHERS);
        break;
      case "stranger":
        push(early, record, MOST_OTHERS);
        break;
      case "response":
        if (record.status >= 400) push(ensure(record.registrationId).trouble, record, MOST_OTHERS);
        break;
      case "desired":
      case "reported":
        twinChanged.value = { hub: record.hub, deviceId: record.deviceId };
    }
  }
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    changed.value++;
  }, PACE);
});
