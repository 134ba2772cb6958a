// SPDX-License-Identifier: MIT
/** What emulator this is: asked for again whenever the link comes back. */
import { effect, signal } from "@preact/signals";
import { ask, token } from "../link/api";
import { link } from "../link/feed";

/** Of `/health`. */
export interface Health {
  since: string;
  idScope: string;
  hubs: string[];
  /** Host of DPS for services. */
  dps: string;
  port: number;
  httpsPort: number;
}

export const health = signal<Health | undefined>(undefined);

effect(() => {
  if (link.value !== "live" || token === "") return;
  ask<Health>("localhost", "GET", "/health").then(
    (found) => {
      health.value = found;
    },
    // The link tells.
    () => {},
  );
});
