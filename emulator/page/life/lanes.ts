// SPDX-License-Identifier: MIT
/** Where lifelines stand: the device at the left, DPS and the hubs behind it; in percent of the width. */

const FIRST = 5;
const LAST = 90;

/** @param peers in their order @returns the place of a peer; of the device where it is empty */
export function laneOf(peers: readonly string[], peer: string): number {
  const at = peer === "" ? 0 : peers.indexOf(peer) + 1;
  return FIRST + (at * (LAST - FIRST)) / peers.length;
}

/** What a lifeline is called. */
export function laneName(peer: string): string {
  return peer === "dps" ? "DPS" : peer;
}
