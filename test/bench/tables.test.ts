// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import type { LifeFigures } from "../../bench/inside/life";
import type { XsFigures } from "../../bench/results";
import { tables } from "../../bench/tables";

const COUNTS = { computrons: 0, bytes: 0 };
const WHO = { command: "", computer: "a computer", versions: { Node: "1.2.3" } };

/** Our packet against those of mqtt-packet and of the SDK, computrons. */
function figures(ours: number, mqttPacket: number, sdk?: number): XsFigures {
  const cost = (computrons: number) => ({ "encode PUBACK": { computrons, slots: 0, bytes: 0 } });
  return {
    ours: cost(ours),
    mqttPacket: cost(mqttPacket),
    session: {},
    ...(sdk !== undefined && { sdk: { packets: cost(sdk), steps: {}, written: {} } }),
    life: {
      provisioning: {
        ...COUNTS,
        peakBytes: 0,
        collections: 0,
        packetsOut: 0,
        packetsIn: 0,
        bytesOut: 0,
        bytesIn: 0,
      },
      telemetry: COUNTS,
    } as LifeFigures,
  };
}

test.each([
  ["both peers are above", figures(1, 2, 3), "Every packet is below its peers"],
  ["the SDK's is the same", figures(2, 3, 2), "Not below both peers in computrons: encode PUBACK."],
  ["mqtt-packet's is less", figures(3, 2, 4), "Not below both peers in computrons: encode PUBACK."],
  ["the SDK is missing", figures(1, 2), "Every packet is below its peers"],
])("says which packets are not below: %s", (_case, xs, told) => {
  expect(tables({ ...WHO, xs })).toContain(told);
});

test("without the SDK its columns and its notes are missing", () => {
  expect(tables({ ...WHO, xs: figures(1, 2, 3) })).toContain("SDK");
  expect(tables({ ...WHO, xs: figures(1, 2) })).not.toContain("| SDK");
});

test("a part that was not measured has no table", () => {
  expect(tables(WHO)).toBe("Node 1.2.3\n\na computer");
});
