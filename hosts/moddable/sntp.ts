// SPDX-License-Identifier: MIT
/**
 * The packets of SNTP version 4 (RFC 4330; layout in RFC 5905, section 7.3). An answer is believed only when it
 * echoes the random bytes of the request, comes from a synchronized server and lies within bounds: anyone can
 * send UDP. It stays unauthenticated all the same.
 */

export const NTP_PACKET = 48;
export const NTP_PORT = 123;

/** Offsets, bytes. */
const STRATUM = 1;
/** Of stratum 0: four letters. */
const REFERENCE = 12;
const ORIGINATE = 24;
const TRANSMIT = 40;

const CLIENT = (4 << 3) | 3;
const SERVER_MODE = 4;
const ALARM = 3;
/** Seconds from 1900 to 1970. */
const NTP_TO_UNIX = 2_208_988_800;
/** Seconds of an era; the second begins in 2036. */
const ERA = 2 ** 32;

/**
 * A request. The transmit timestamp is no time but eight random bytes: a server only echoes it (RFC 4330,
 * section 5), and an answer cannot be guessed.
 */
export function ntpRequest(nonce: Uint8Array): Uint8Array {
  const packet = new Uint8Array(NTP_PACKET);
  packet[0] = CLIENT;
  packet.set(nonce.subarray(0, 8), TRANSMIT);
  return packet;
}

/**
 * Why an answer is not believed. Kisses of death (RFC 5905, section 7.4): `slow down` for RATE, `stay away` for DENY and
 * RSTR; the others ask for nothing, and are no time either.
 */
export type NtpRefusal = "malformed" | "not ours" | "not synchronized" | "slow down" | "stay away";

function kissOf(packet: Uint8Array): NtpRefusal {
  const code = String.fromCharCode(...packet.subarray(REFERENCE, REFERENCE + 4));
  if (code === "RATE") return "slow down";
  return code === "DENY" || code === "RSTR" ? "stay away" : "not synchronized";
}

/** The time of an answer, milliseconds since 1970, or why it is not believed. */
export function readNtpReply(packet: Uint8Array, nonce: Uint8Array): number | NtpRefusal {
  const [first = 0] = packet;
  // First of all: what has not the nonce, whatever it is, can be anyone's.
  for (let i = 0; i < 8; i += 1) if (packet[ORIGINATE + i] !== nonce[i]) return "not ours";
  if (packet.length < NTP_PACKET || (first & 7) !== SERVER_MODE) return "malformed";
  const stratum = packet[STRATUM] ?? 0;
  if (stratum === 0) return kissOf(packet);
  if (first >> 6 === ALARM || stratum > 15) return "not synchronized";
  const view = new DataView(packet.buffer, packet.byteOffset, NTP_PACKET);
  const seconds = view.getUint32(TRANSMIT);
  const fraction = view.getUint32(TRANSMIT + 4);
  if (seconds === 0 && fraction === 0) return "not synchronized";
  // Below 2^31 it is the era after February 2036 (RFC 4330, section 3).
  const era = seconds < ERA / 2 ? ERA : 0;
  return (seconds + era - NTP_TO_UNIX) * 1000 + Math.floor((fraction * 1000) / ERA);
}
