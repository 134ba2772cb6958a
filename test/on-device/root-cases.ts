// SPDX-License-Identifier: MIT
/** The root certificates as they lie in the image. */
import Resource from "Resource";
import { TRUSTED_ROOTS } from "../../hosts/moddable/trusted-roots";
import { type RootReport, readableRoots } from "../../hosts/moddable/roots";
import { type Case, equal } from "./check";

const roots = TRUSTED_ROOTS.map((name) => ({
  name,
  read: () => new Uint8Array(new Resource(`berth-${name}.der`) as unknown as ArrayBuffer),
}));

export const rootCases: readonly Case[] = [
  {
    name: "roots: two are trusted, the expired one is told",
    run: () => {
      const reports: RootReport[] = [];
      const readable = readableRoots(roots, Date.UTC(2026, 10), (report) => reports.push(report));
      equal(
        reports.map(({ state }) => state),
        ["trusted", "trusted", "expired"],
      );
      equal(
        readable.map(({ byteLength }) => byteLength),
        [914, 1452, 891],
      );
    },
  },
  {
    name: "roots: one that is missing stops nothing",
    run: () => {
      const states: string[] = [];
      const missing = {
        name: "missing",
        read: () => new Uint8Array(new Resource("no.der") as unknown as ArrayBuffer),
      };
      readableRoots([missing], Date.UTC(2026, 10), ({ state }) => states.push(state));
      equal(states, ["unreadable"]);
    },
  },
];
