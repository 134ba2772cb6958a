// SPDX-License-Identifier: MIT
/** A fixed amount of fuzzing on both engines, and the whole corpus as it stands; `npm run fuzz` goes on for ever. */
import { expect, test } from "@jest/globals";
import { text } from "../../hosts/node/text";
import { XsMachine } from "../../hosts/xs/machine";
import { moduleGraph } from "../../hosts/xs/modules";
import { engine, withEngine } from "../helpers/xs";
import { readCorpus } from "./corpus";
import { fuzz } from "./fuzz";
import type { FuzzRequest } from "./in-xs";
import { targets } from "./targets";

const FIXED_SEED = 20_141_029;
const corpus = readCorpus();

test("every target has a corpus, and every sample keeps the rules", () => {
  const all = targets(text);
  expect(Object.keys(corpus)).toEqual(Object.keys(all).sort());
  for (const [name, samples] of Object.entries(corpus)) {
    for (const sample of samples) expect(() => all[name]?.(sample)).not.toThrow();
  }
});

test("on Node", () => {
  const seed = Number(process.env.BERTH_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.info(`fresh seed: BERTH_SEED=${seed}`);
  for (const start of [FIXED_SEED, seed]) {
    expect(fuzz(targets(text), corpus, start, (done) => done < 20_000)).toEqual({ executions: 20_000 });
  }
});

test("what breaks a rule is found", () => {
  const planted = { reader: (bytes: Uint8Array) => expect(bytes.includes(0xff)).toBe(false) };
  const { finding } = fuzz(planted, corpus, FIXED_SEED, (done) => done < 20_000);
  expect(finding).toMatchObject({ target: "reader" });
  expect(finding?.bytes).toContain(0xff);
});

withEngine(
  "on XS",
  async () => {
    // The stack that the SDK gives a device.
    const machine = await XsMachine.start(await engine(), { stack: 512 });
    try {
      await machine.import(await moduleGraph("test/fuzz/in-xs.ts"));
      const request: FuzzRequest = {
        seed: FIXED_SEED,
        executions: 2_000,
        corpus: Object.fromEntries(
          Object.entries(corpus).map(([name, samples]) => [name, samples.map((sample) => [...sample])]),
        ),
      };
      const { bytes } = await machine.deliver(new TextEncoder().encode(JSON.stringify(request)));
      expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({ executions: 2_000 });
    } finally {
      await machine.close();
    }
  },
  240_000,
);
