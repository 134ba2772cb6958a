// SPDX-License-Identifier: MIT
/**
 * `npm run fuzz [seed]`: fuzzes on Node until something is found or it is interrupted. What is found is written to
 * the corpus, so that `npm test` has it from then on.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "../../hosts/node/text";
import { CORPUS, readCorpus } from "./corpus";
import { fuzz } from "./fuzz";
import { targets } from "./targets";

const ROUND = 20_000;
let seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 31));
let executions = 0;
const corpus = readCorpus();
process.on("SIGINT", () => process.exit(0));
for (;;) {
  const result = fuzz(targets(text), corpus, seed, (done) => done < ROUND);
  executions += result.executions;
  console.log(`seed ${seed}: ${executions} executions`);
  if (result.finding) {
    const { target, error, bytes } = result.finding;
    const name = createHash("sha256").update(Uint8Array.from(bytes)).digest("hex").slice(0, 16);
    const file = join(CORPUS, target, `found-${name}`);
    writeFileSync(file, Uint8Array.from(bytes));
    console.error(`${target}: ${error}\nwritten to ${file}`);
    process.exit(1);
  }
  seed += 1;
  // So that an interruption is heard.
  await new Promise((resolve) => setImmediate(resolve));
}
