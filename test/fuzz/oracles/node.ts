// SPDX-License-Identifier: MIT
/** What Node's own base64, percent-encoding and certificates make of the same bytes. */
import { X509Certificate } from "node:crypto";
import { isHostName, isRegistrationId } from "../../../emulator/names";
import {
  isSignedBy,
  parseSharedAccessSignature,
  resourceOf,
} from "../../../emulator/shared-access-signature";
import { text } from "../../../hosts/node/text";
import { base64 } from "../../../src/base64";
import { checkRegistrationId, isHostName as isHostNameHere } from "../../../src/azure/identifiers";
import { percentDecode } from "../../../src/azure/percent";
import { sasToken } from "../../../src/azure/sas";
import { thrownCode } from "../../helpers/thrown";
import { hmacSigner } from "../../../simulator/virtual-host";
import { read } from "../targets/certificate";
import { must } from "../targets/target";
import { readText } from "../targets/text";

const KEY = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

export function agreesOnText(bytes: Uint8Array): void {
  const value = readText(bytes, text);
  must(base64(bytes, text) === Buffer.from(bytes).toString("base64"), "base64");
  let decoded: string | undefined;
  try {
    decoded = decodeURIComponent(value);
  } catch {
    decoded = undefined;
  }
  const here = percentDecode(value);
  // Text without a percent sign is taken as it stands, ill-formed too.
  must(here === (value.includes("%") ? decoded : value), `percentDecode gives ${here}, Node ${decoded}`);
  must(isHostNameHere(value) === isHostName(value), "the emulator has another idea of a host name");
  const accepted = thrownCode(() => checkRegistrationId(value)) === "none";
  must(accepted === isRegistrationId(value), "the emulator has another idea of a registration id");
  if (value === "" || !value.isWellFormed()) return;
  const token = sasToken(
    { resource: value, expiry: 1_800_000_000, policy: "registration" },
    hmacSigner(KEY),
    text,
  );
  const parsed = parseSharedAccessSignature(token);
  if (token.length > 4_096) return;
  must(
    parsed !== undefined && isSignedBy(parsed, Buffer.from(KEY, "base64")),
    "the emulator refuses the token",
  );
  must(resourceOf(parsed) === value && parsed.skn === "registration", "the emulator reads another token");
}

export function agreesOnCertificate(bytes: Uint8Array): void {
  let theirs: X509Certificate;
  try {
    theirs = new X509Certificate(bytes);
  } catch {
    return;
  }
  const ours = read(bytes);
  // OpenSSL is lenient about much that is never seen; what both take, they must take for the same.
  if (!ours) return;
  must(ours.notBefore === Date.parse(theirs.validFrom), `from ${theirs.validFrom}, here ${ours.notBefore}`);
  must(ours.notAfter === Date.parse(theirs.validTo), `to ${theirs.validTo}, here ${ours.notAfter}`);
}
