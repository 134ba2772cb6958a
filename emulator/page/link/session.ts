// SPDX-License-Identifier: MIT
/** The token of the session: from the address that the command printed, kept for this tab. */

const KEY = "berth.session";

/** Takes the token out of the address, so that it stays in no history; empty when there never was one. */
export function takeToken(): string {
  const [, key] = /^#key=([\w-]+)$/.exec(location.hash) ?? [];
  if (key !== undefined) {
    sessionStorage.setItem(KEY, key);
    history.replaceState(null, "", "#/life");
  }
  return sessionStorage.getItem(KEY) ?? "";
}
