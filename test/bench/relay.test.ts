// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { Relay } from "../../bench/wire/relay";
import { openAuthority } from "../../emulator/certificate-authority";
import { authorityDirectory, dpsToken, dpsUser, HUB, startEmulator } from "../helpers/emulator-client";
import { RawMqttClient } from "../helpers/raw-mqtt-client";

test("the relay passes on and counts: packets, round trips, bytes with TLS and without", async () => {
  const emulator = await startEmulator();
  const relay = new Relay(await openAuthority(authorityDirectory, [HUB], Date.now()), emulator.port);
  try {
    const port = await relay.listen(0, "127.0.0.1");
    const client = await RawMqttClient.open({ port, ca: emulator.ca.pem });
    await client.connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") });
    await client.subscribe("$dps/registrations/res/#");
    await client.disconnect();
    await client.closed;
    const { tcpSent, tcpReceived, bytesSent, ...traffic } = await relay.stop();
    expect(traffic).toEqual({
      connections: 1,
      roundTrips: 2,
      packetsSent: 3,
      packetsReceived: 2,
      // CONNACK 4, SUBACK 5.
      bytesReceived: 9,
      packets: ["> CONNECT", "< CONNACK", "> SUBSCRIBE", "< SUBACK", "> DISCONNECT"],
    });
    // SUBSCRIBE 31, DISCONNECT 2, and CONNECT, whose token differs in length from run to run.
    expect(bytesSent).toBeGreaterThan(33 + 100);
    // A record has 5 bytes in front, 8 of nonce and 16 of tag, and there are three.
    expect(tcpSent).toBeGreaterThan(bytesSent + 3 * 29);
    // The server's certificates alone are longer than this.
    expect(tcpReceived).toBeGreaterThan(1_500);
  } finally {
    await emulator.stop();
  }
});
