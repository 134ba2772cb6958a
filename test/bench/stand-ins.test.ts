// SPDX-License-Identifier: MIT
import { expect } from "@jest/globals";
import type { XsCosts } from "../../bench/xs";
import { XsMachine } from "../../hosts/xs/machine";
import { moduleGraph } from "../../hosts/xs/modules";
import { engine, withEngine } from "../helpers/xs";

withEngine("what a stand-in takes more than the native is taken off, not more and not less", async () => {
  const machine = await XsMachine.start(await engine());
  try {
    const { bytes } = await machine.import(await moduleGraph("test/bench/inside/stand-ins.ts", true));
    const { byNative, byStandIn } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, XsCosts>;
    const native = byNative?.work;
    const taken = byStandIn?.work?.standIns;
    expect(taken).toBeGreaterThan(0);
    expect(byStandIn).toEqual({
      work: { ...native, standIns: taken },
      // What was called while it was prepared does not count.
      prepared: { ...native, standIns: taken },
    });
  } finally {
    await machine.close();
  }
});
