// SPDX-License-Identifier: MIT
/**
 * Percent-encoding, base64, SAS tokens and identifiers: one byte of options, then text: UTF-8, or UTF-16 code units so
 * that lone surrogates come too.
 */
import { base64 } from "../../../src/base64";
import { checkIdScope, checkRegistrationId, isDeviceId, isHostName } from "../../../src/azure/identifiers";
import { percentDecode, percentEncode } from "../../../src/azure/percent";
import { sasToken } from "../../../src/azure/sas";
import { bytesOfBase64 } from "../../../src/azure/symmetric-key";
import type { TextCodec } from "../../../src/host";
import { codeOf, digest, isWellFormed, must, sameBytes, type Target, textOf } from "./target";

/** Stands for HMAC: 32 bytes that depend on the message. */
export function fakeSignature(message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(32);
  for (const [i, byte] of message.entries()) signature[i % 32] = (signature[i % 32] as number) * 31 + byte;
  return signature;
}

export const textHelpers: Target = {
  memory: 8_192,
  run(bytes, text) {
    const value = readText(bytes, text);
    return [
      checkPercent(value),
      checkBase64(bytes, value, text),
      checkToken(value, text),
      [isHostName(value), isDeviceId(value), refused(() => checkRegistrationId(value))].join(),
      refused(() => checkIdScope(value)),
    ].join("\n");
  },
  tokens: [
    "%20",
    "%C3%A9",
    "%F0%9F%98%80",
    "%C0%AF",
    "%ED%A0%80",
    "%",
    "%%",
    "+",
    "==",
    "=",
    "a.b",
    "-",
    "_",
    "xn--",
  ],
};

/** The text that an input means. */
export function readText(bytes: Uint8Array, text: TextCodec): string {
  const [options = 0] = bytes;
  if (!(options & 1)) return textOf(bytes.subarray(1), text);
  let units = "";
  for (let at = 1; at + 1 < bytes.length; at += 2) {
    units += String.fromCharCode(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  }
  return units;
}

function refused(work: () => void): boolean {
  return codeOf(["invalid-argument"], work) !== undefined;
}

function checkPercent(value: string): string {
  const decoded = percentDecode(value);
  let encoded: string | undefined;
  codeOf(["invalid-argument"], () => {
    encoded = percentEncode(value);
  });
  must(
    (encoded !== undefined) === isWellFormed(value),
    "a lone surrogate is the one thing that cannot be encoded",
  );
  if (encoded !== undefined) {
    must(
      /^(?:[A-Za-z0-9\-_.~]|%[0-9A-F]{2})*$/.test(encoded),
      "percentEncode leaves a character that it must not",
    );
    must(percentDecode(encoded) === value, "encoded and decoded is another text");
  }
  if (decoded !== undefined) {
    must(decoded.length <= value.length, "a text grows by decoding");
    must(
      !value.includes("%") || isWellFormed(decoded) || !isWellFormed(value),
      "ill-formed text by decoding",
    );
  }
  return `${JSON.stringify(decoded)} ${encoded}`;
}

function checkBase64(bytes: Uint8Array, value: string, text: TextCodec): string {
  const encoded = base64(bytes, text);
  must(encoded.length === Math.ceil(bytes.length / 3) * 4, `base64 of ${encoded.length} characters`);
  const decoded = bytesOfBase64(encoded);
  must(decoded !== undefined && sameBytes(decoded, bytes), "base64 there and back is something else");
  const other = bytesOfBase64(value);
  must(other === undefined || other.length <= (value.length / 4) * 3, "more bytes than the text has");
  return `${encoded} ${other && digest(other)}`;
}

function checkToken(value: string, text: TextCodec): string {
  let token = "";
  const code = codeOf(["invalid-argument"], () => {
    token = sasToken(
      { resource: value, expiry: 1_800_000_000, policy: value },
      { sign: fakeSignature },
      text,
    );
  });
  must((code === undefined) === (value !== "" && isWellFormed(value)), `a token ends in ${code}`);
  must(
    code !== undefined || /^SharedAccessSignature sr=[^&= ]+&sig=[^&= ]+&se=\d+&skn=[^&= ]+$/.test(token),
    token,
  );
  return code ?? token;
}
