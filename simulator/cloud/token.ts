// SPDX-License-Identifier: MIT
/** Judges shared access signatures. Source: "Control access to IoT Hub with shared access signatures". */
import { createHmac } from "node:crypto";

/** @param now seconds since 1970 @returns when the token ends, in seconds, or what is wrong with it */
export function judgeToken(
  token: string,
  resource: string,
  key: Buffer,
  now: number,
): number | "expired" | string {
  if (!token.startsWith("SharedAccessSignature ")) return "no SharedAccessSignature";
  const fields = new Map<string, string>();
  for (const pair of token.slice(22).split("&")) {
    const at = pair.indexOf("=");
    fields.set(pair.slice(0, at), pair.slice(at + 1));
  }
  const sr = fields.get("sr") ?? "";
  const se = fields.get("se") ?? "";
  if (decodeURIComponent(sr) !== resource) return `sr is ${sr}`;
  const signature = createHmac("sha256", key).update(`${sr}\n${se}`).digest("base64");
  if (decodeURIComponent(fields.get("sig") ?? "") !== signature) return "the signature is wrong";
  return Number(se) > now ? Number(se) : "expired";
}
