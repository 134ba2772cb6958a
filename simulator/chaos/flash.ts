// SPDX-License-Identifier: MIT
/** Flash that fails: writes that are refused or torn by a power cut, bits that flip, pages that cannot be read. */
import type { Store } from "../../src/host";
import type { Random } from "../random";

export class Flash {
  readonly values = new Map<string, Uint8Array>();
  readonly #random: Random;
  /** The next write is torn: power goes in the middle of it. */
  tearsNext = false;
  /** Writes and deletions are refused. */
  refuses = false;
  /** A key that cannot be read. */
  unreadable: string | undefined;
  /** What is kept may be lost by now: bits have flipped, or all was wiped. The next assignment that is written ends it. */
  isDamaged = false;
  /** A write was torn: what it wrote may be there as a whole all the same. */
  wasTorn = false;
  writes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** As one boot sees it. @param alive whether that boot still has power @param cut takes its power away */
  store(alive: () => boolean, cut: () => void): Store {
    return {
      read: (key) => {
        if (key === this.unreadable) throw new Error("the page cannot be read");
        return this.values.get(key)?.slice();
      },
      write: (key, value) => {
        if (!alive()) throw new Error("no power");
        if (this.refuses) throw new Error("no space left");
        this.writes += 1;
        if (!this.tearsNext) {
          this.values.set(key, value.slice());
          // The device does not look again at what it has written, so what comes behind this counts, whenever it connects.
          if (key.startsWith("assignment")) this.isDamaged = false;
        } else {
          this.tearsNext = false;
          this.wasTorn = true;
          this.#tear(key, value);
          cut();
          throw new Error("no power");
        }
      },
      delete: (key) => {
        if (!alive()) throw new Error("no power");
        if (this.refuses) throw new Error("no space left");
        this.values.delete(key);
      },
    };
  }

  /** One bit of one value flips. */
  flip(): void {
    const keys = [...this.values.keys()];
    if (keys.length === 0) return;
    const value = this.values.get(this.#random.pick(keys)) as Uint8Array;
    const at = this.#random.below(value.length);
    value[at] = (value[at] as number) ^ (1 << this.#random.below(8));
    this.isDamaged = true;
  }

  calm(): void {
    this.tearsNext = this.refuses = false;
    this.unreadable = undefined;
  }

  /** What flash holds after a write that was cut off: the old, a part of the new, or nothing. */
  #tear(key: string, value: Uint8Array): void {
    const old = this.values.get(key);
    const length = this.#random.below(value.length + 1);
    switch (this.#random.below(4)) {
      case 0:
        break;
      case 1:
        this.values.delete(key);
        break;
      case 2: {
        // Erased first, then a part of it.
        const torn = new Uint8Array(value.length).fill(0xff);
        torn.set(value.subarray(0, length));
        this.values.set(key, torn);
        break;
      }
      default: {
        const torn = new Uint8Array(Math.max(old?.length ?? 0, length, 1));
        torn.set(old ?? []);
        torn.set(value.subarray(0, length));
        this.values.set(key, torn);
      }
    }
  }
}
