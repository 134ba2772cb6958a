// SPDX-License-Identifier: MIT
/** Targets with faults, for the test of the fuzzing itself. */
import type { Targets } from "./targets/target";

export const targets: Targets = {
  /** Four bytes in a row that chance does not hit: coverage leads there one by one. */
  magic: {
    memory: 0,
    run(bytes) {
      if (bytes[0] === 0x42) {
        if (bytes[1] === 0xe5) {
          if (bytes[2] === 0x17) {
            if (bytes[3] === 0x9a) throw new Error(`planted at ${bytes.length}`);
          }
        }
      }
      return "";
    },
  },
  /** A length that is believed. */
  greedy: {
    memory: 100,
    run: ([length = 0]) => String(new Uint8Array(length).length),
  },
  endless: {
    memory: 0,
    run(bytes) {
      while (bytes[0] === 0xff);
      return "";
    },
  },
};
