// SPDX-License-Identifier: MIT
/** The token of the session: from the address that the command printed, kept for this tab. */

const KEY = "berth.session";

/**
 * Takes the token out of the address, so that it stays in no history; empty when there never was one. An address with
 * another one that is opened in this tab later, which loads nothing by itself, begins the page anew.
 */
export function takeToken(): string {
  const first = readToken();
  addEventListener("hashchange", () => {
    if (readToken() !== first) location.reload();
  });
  return first;
}

function readToken(): string {
  const [, key] = /^#key=([\w-]+)$/.exec(location.hash) ?? [];
  if (key !== undefined) {
    sessionStorage.setItem(KEY, key);
    history.replaceState(null, "", "#/life");
  }
  return sessionStorage.getItem(KEY) ?? "";
}
