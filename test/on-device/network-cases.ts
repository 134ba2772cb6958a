// SPDX-License-Identifier: MIT
/** Which network a host joins. On Linux `linux/cable.ts` is in the image; on a board without Ethernet nothing is. */
import Modules from "modules";
import type { ModdableHostOptions } from "../../hosts/moddable/host-options";
import { createModdableHost, createTimers, loadPreferences } from "../../hosts/moddable/host";
import { type Case, equal } from "./check";

const timers = createTimers(() => {});

/** What a host with this network tells until `delay` has passed, and the network that it has. */
async function told(network: ModdableHostOptions["network"], delay: number) {
  const events: unknown[] = [];
  const host = createModdableHost({
    preferences: loadPreferences(),
    domain: "berth-test",
    roots: [],
    onRoot: () => {},
    network,
    sntp: [],
    bounds: { earliest: 0, latest: Number.MAX_SAFE_INTEGER },
    onError: (phase, { code }) => events.push(phase, code),
    onNetwork: (up) => events.push(up),
  });
  host.start();
  await new Promise<void>((resolve) => {
    timers.set(resolve, delay);
  });
  const up = host.network?.isUp();
  host.stop();
  return { events, up, network: host.network };
}

export const networkCases: readonly Case[] = [
  {
    name: "network: without one the Ethernet of the image is joined; without that it is always there",
    run: async () => {
      const { events, up } = await told(undefined, 1_000);
      const has = Modules.has("embedded:network/interface/ethernet");
      equal([events, up], has ? [[true, false], true] : [[], undefined]);
    },
  },
  {
    name: "network: the app's own is left to it, Ethernet in the image or not",
    run: async () => {
      const own = { isUp: () => false };
      const { events, up, network } = await told(own, 200);
      equal([events, up, network === own], [[], false, true]);
    },
  },
];
