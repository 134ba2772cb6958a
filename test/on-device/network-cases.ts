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
  await passed(delay);
  const up = host.network?.isUp();
  host.stop();
  return { events, up, network: host.network, host };
}

function passed(delay: number): Promise<void> {
  return new Promise((resolve) => {
    timers.set(resolve, delay);
  });
}

export const networkCases: readonly Case[] = [
  {
    name: "network: without one the Ethernet of the image is joined; without that it is always there",
    run: async () => {
      const { events, up, host } = await told(undefined, 1_000);
      const has = Modules.has("embedded:network/interface/ethernet");
      equal([events, up], has ? [[true, false], true] : [[], undefined]);
      // A chip opens no socket without a network, and in any order the others need one.
      if (!has) return;
      host.start();
      for (let looks = 0; looks < 100 && !host.network?.isUp(); looks += 1) await passed(100);
      equal(events, [true, false, true]);
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
