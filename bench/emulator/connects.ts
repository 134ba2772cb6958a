// SPDX-License-Identifier: MIT
/** CONNECTs a second of CPU time at DPS, of devices of a group, on streams in memory, so that TLS is not counted. */
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { Emulator } from "../../emulator/emulator";
import { deriveDeviceKey, newSymmetricKey } from "../../emulator/shared-access-signature";
import { dpsToken, dpsUser, HUB, SCOPE } from "../../test/helpers/emulator-client";
import { connectPacket } from "./load";

/** Devices; each comes twice. */
const COMERS = 500;

/** CONNECTs a second of CPU time. */
export interface ConnectRates {
  readonly first: number;
  readonly again: number;
}

/** CONNACK has to accept. */
async function accepted(stream: NodeJS.ReadableStream): Promise<void> {
  const [connack] = (await once(stream, "data")) as [Buffer];
  if (connack[3] !== 0) throw new Error(`CONNACK ${connack[3]}`);
}

/** @param groups of symmetric keys; the devices are of the last one */
export async function connectRates(groups: number): Promise<ConnectRates> {
  const keys = Array.from({ length: groups }, () => newSymmetricKey());
  const last = Buffer.from(keys.at(-1) as string, "base64");
  const emulator = await Emulator.start({
    configuration: {
      idScope: SCOPE,
      iotHubs: [{ name: HUB }],
      enrollments: [],
      enrollmentGroups: keys.map((primaryKey, index) => ({
        enrollmentGroupId: `g-${index}`,
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey } },
      })),
    },
  });
  const packets = Array.from({ length: COMERS }, (_, index) => {
    const id = `sn-${index}`;
    return connectPacket(id, dpsUser(id), dpsToken(id, deriveDeviceKey(last, id)));
  });
  const round = async () => {
    const start = process.cpuUsage();
    for (const packet of packets) {
      const [here, there] = duplexPair();
      emulator.serve(there);
      here.write(packet);
      await accepted(here);
      here.end();
    }
    const { user, system } = process.cpuUsage(start);
    return (COMERS / (user + system)) * 1e6;
  };
  const rates = { first: await round(), again: await round() };
  await emulator.stop();
  return rates;
}
