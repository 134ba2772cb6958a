// SPDX-License-Identifier: MIT
/** Where one is: the part of the address behind `#/`. */
import { signal } from "@preact/signals";

/** Its segments, decoded. */
export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

function read(): string[] {
  const segments = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return segments[0] === "" || segments[0]?.startsWith("key=") ? ["life"] : segments;
}
