// SPDX-License-Identifier: MIT
/**
 * The target's setup without its light, for which QEMU has no RMT. It starts the network card and waits a little for an
 * address, so that apps which join no network have one, as with the SDK's setup/network on a board.
 */
import { address, start } from "berth/natives/open-eth";
import Timer from "timer";

/** Milliseconds, and how often it looks. */
const EVERY = 100;
const LOOKS = 50;

export default function setup(done?: () => void): void {
  start();
  let looks = 0;
  Timer.repeat((timer) => {
    looks += 1;
    if (address() === undefined && looks < LOOKS) return;
    Timer.clear(timer);
    done?.();
  }, EVERY);
}
