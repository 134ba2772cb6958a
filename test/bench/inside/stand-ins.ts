// SPDX-License-Identifier: MIT
/** The same work by a native and by a stand-in for it. */
import { measure } from "../../../bench/inside/measure";
import { StandIns } from "../../../bench/inside/stand-ins";
import type { Ask, XsTools } from "../../../hosts/xs/inside/globals";

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  const calls = { isInteger: 0 };
  const native = { isInteger: Number.isInteger };
  const standIn = {
    isInteger(value: unknown): boolean {
      calls.isInteger += 1;
      // Costs steps and memory that the native does not.
      return [value].map((item) => typeof item === "number" && item % 1 === 0)[0] as boolean;
    },
  };
  const standIns = new StandIns(calls, [
    { calls: "isInteger", standIn: () => standIn.isInteger(3), native: () => native.isInteger(3) },
  ]);
  const work = (use: typeof native) => (): void => {
    const kept = [1, 2, 3];
    for (const value of kept) use.isInteger(value);
  };
  const byNative = measure(tools, { work: work(native) });
  const byStandIn = measure(
    tools,
    { work: work(standIn), prepared: { prepare: work(standIn), run: work(standIn) } },
    standIns,
  );
  return new TextEncoder().encode(JSON.stringify({ byNative, byStandIn }));
}
