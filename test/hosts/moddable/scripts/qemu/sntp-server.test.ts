// SPDX-License-Identifier: MIT
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { sntpReply, startSntpServer } from "../../../../../hosts/moddable/scripts/qemu/sntp-server";
import { ntpRequest, readNtpReply } from "../../../../../hosts/moddable/sntp";

/** 2026-11-28 17:00:00.250 UTC. */
const NOW = Date.UTC(2026, 10, 28, 17, 0, 0, 250);
/** RFC 4330, section 4: version 4, mode 3, everything else zero but the transmit timestamp. */
const REQUEST = `23${"00".repeat(39)}eeb5a1c040000000`;

test("an answer has the fields of RFC 4330, byte by byte", () => {
  const reply = sntpReply(Buffer.from(REQUEST, "hex"), NOW);
  // 1,795,885,200 s since 1970, and 2,208,988,800 s from 1900 to 1970; a quarter of a second.
  const time = "eeb5871040000000";
  expect(Buffer.from(reply ?? []).toString("hex")).toBe(
    `240100f6${"00".repeat(8)}4c4f434c${time}eeb5a1c040000000${time}${time}`,
  );
});

test("version and poll interval are the client's", () => {
  const reply = sntpReply(Buffer.from(`1b000a${"00".repeat(45)}`, "hex"), NOW) ?? [];
  expect([...reply].slice(0, 4)).toEqual([0x1c, 1, 0x0a, 0xf6]);
});

test.each([
  ["a short one", REQUEST.slice(2)],
  ["none", ""],
  ["an answer", `24${REQUEST.slice(2)}`],
  ["a broadcast", `25${REQUEST.slice(2)}`],
  ["version 0", `03${REQUEST.slice(2)}`],
  ["version 5", `2b${REQUEST.slice(2)}`],
])("%s is no request", (_, hex) => {
  expect(sntpReply(Buffer.from(hex, "hex"), NOW)).toBeUndefined();
});

test("times after the first era wrap, and the device reads them right", () => {
  const nonce = Buffer.from("0102030405060708", "hex");
  for (const now of [NOW, Date.UTC(2036, 1, 7, 6, 28, 17), Date.UTC(2099, 0, 1)]) {
    const reply = sntpReply(ntpRequest(nonce), now);
    const read = readNtpReply(reply ?? new Uint8Array(), nonce);
    expect(Math.abs(Number(read) - now)).toBeLessThanOrEqual(1);
  }
});

test("the server answers on a free port, and nothing to what is no request", async () => {
  const server = await startSntpServer(() => NOW);
  const client = createSocket("udp4");
  client.send("hello", server.port, "127.0.0.1");
  client.send(Buffer.from(REQUEST, "hex"), server.port, "127.0.0.1");
  const [reply] = await once(client, "message");
  expect(reply).toEqual(Buffer.from(sntpReply(Buffer.from(REQUEST, "hex"), NOW) ?? []));
  expect(server.answered).toBe(1);
  client.close();
  await server.stop();
});
