// SPDX-License-Identifier: MIT
/** Answers of time servers: one byte of options, the packet. With the option it echoes the request. */
import { NTP_PACKET, ntpRequest, readNtpReply } from "../../../hosts/moddable/sntp";
import { must, sameBytes, type Target } from "./target";

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const REFUSALS: readonly unknown[] = ["malformed", "not ours", "not synchronized", "slow down", "stay away"];
/** 1968-01-20 to 2104-02-26: what 32 bits of seconds can mean (RFC 4330, section 3). */
const EARLIEST = -(2 ** 31) * 1000 + (2 ** 32 - 2_208_988_800) * 1000;
const LATEST = EARLIEST + 2 ** 32 * 1000;

export const sntp: Target = {
  memory: 48,
  run(bytes) {
    const [options = 0] = bytes;
    const packet = bytes.slice(1);
    if (options & 1 && packet.length >= 32) packet.set(NONCE, 24);
    const request = ntpRequest(NONCE);
    must(request.length === NTP_PACKET && sameBytes(request.subarray(40), NONCE), "the request is another");
    const reply = readNtpReply(packet, NONCE);
    if (typeof reply === "string") {
      must(REFUSALS.includes(reply), reply);
      return reply;
    }
    must(packet.length >= NTP_PACKET && sameBytes(packet.subarray(24, 32), NONCE), "taken though not ours");
    must(Number.isSafeInteger(reply), `time ${reply}`);
    must(reply >= EARLIEST && reply < LATEST, `time ${reply}`);
    must(reply === expected(packet), `time ${reply}, meant was ${expected(packet)}`);
    return String(reply);
  },
};

/** The same by whole numbers only. */
function expected(packet: Uint8Array): number {
  let stamp = 0n;
  for (const byte of packet.subarray(40, 48)) stamp = (stamp << 8n) | BigInt(byte);
  if (stamp < 1n << 63n) stamp += 1n << 64n;
  return Number(((stamp * 1000n) >> 32n) - 2_208_988_800_000n);
}
