// SPDX-License-Identifier: MIT
import type { Streams } from "./output";

/** A line on a terminal's standard error that is written over again and again; nothing anywhere else. */
export interface Progress {
  tell(text: string): void;
  /** Takes it away. */
  end(): void;
}

const TOLD_EVERY = 250;

export function progressLine({ columns, err }: Streams): Progress {
  let told = Number.NEGATIVE_INFINITY;
  const put = (text: string): void => {
    const width = columns?.("err");
    if (width !== undefined) err(`\r${text.slice(0, width - 1).padEnd(width - 1)}`);
  };
  return {
    tell(text) {
      if (performance.now() - told < TOLD_EVERY) return;
      told = performance.now();
      put(text);
    },
    end() {
      put("");
      if (columns?.("err") !== undefined) err("\r");
    },
  };
}
