// SPDX-License-Identifier: MIT
/** Where lifelines stand: the device at the left, DPS and the hubs behind it; in percent of the width. */

/** @param peers in their order @returns the place of a peer; of the device where it is empty */
export function laneOf(peers: readonly string[], peer: string): number {
  const count = peers.length + 1;
  const at = peer === "" ? 0 : peers.indexOf(peer) + 1;
  return ((at + 0.5) * 100) / count;
}

/** What a lifeline is called. */
export function laneName(peer: string): string {
  return peer === "dps" ? "DPS" : peer;
}
