// SPDX-License-Identifier: MIT
/** What the emulator makes of the same bytes; it shares no code with the device. */
import { parsePropertyBag } from "../../../emulator/property-bag";
import { text } from "../../../hosts/node/text";
import { decodeProperties } from "../../../src/azure/properties";
import { must, textOf } from "../targets/target";

export function agreesOnBag(bytes: Uint8Array): void {
  const bag = textOf(bytes, text);
  // It takes a question mark in front for the begin of a query; and it refuses what is ill-formed.
  if (bag.startsWith("?")) return;
  let theirs: ReadonlyMap<string, string | null>;
  try {
    theirs = parsePropertyBag(bag);
  } catch {
    return;
  }
  const ours = decodeProperties(bag);
  must(
    Object.keys(ours).length === theirs.size,
    `${Object.keys(ours).length} properties, emulator ${theirs.size}`,
  );
  for (const [name, value] of theirs) must(ours[name] === value, `property ${name} differs`);
}
