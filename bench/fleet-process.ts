// SPDX-License-Identifier: MIT
/** One kind of device, in a process of its own: see fleet.ts. */
import type { Rules } from "../simulator/fleet/rules";
import { run } from "../simulator/fleet/run";

const [rules, count] = process.argv.slice(2) as [Rules, string];
const devices = Number(count);
Error.stackTraceLimit = 0;
const used = (): number => {
  global.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
const before = used();
const cpu = process.cpuUsage();
let bytes = 0;
let seconds = 0;
run(
  { scenario: "power-back", rules, devices, seed: 1, quotas: { hub: devices, registrations: 1_000 } },
  ({ back }) => {
    if (back < devices) return true;
    const { user, system } = process.cpuUsage(cpu);
    seconds = (user + system) / 1e6;
    // While the world still stands.
    bytes = used() - before;
    return false;
  },
);
console.log(JSON.stringify({ bytes, seconds }));
