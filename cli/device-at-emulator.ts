// SPDX-License-Identifier: MIT
/** What a device needs to know to live at an emulator on this computer: asked of that emulator. */
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import type { ConnectTo } from "../hosts/sockets/connect-to";
import { deriveDeviceKey } from "../src/azure/sas";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import type { ServiceClient } from "./service/client";
import { ServiceFailure } from "./service/failure";
import { findTarget } from "./service/target";

/** What the other options would have said. */
export interface AtEmulator {
  readonly idScope: string;
  readonly port: number;
  readonly roots: readonly string[];
  readonly connectTo: readonly ConnectTo[];
  /** Its key, when it was asked for. */
  readonly symmetricKey: string | undefined;
}

/**
 * Asks the emulator of `--emulator`.
 * @param needsKey the device has no certificate and no key of its own
 * @throws BerthError `invalid-argument` where none of its enrollments has a key for the device; ServiceFailure when it does
 *   not run or not answer
 */
export async function atEmulator(
  port: number,
  registrationId: string,
  needsKey: boolean,
  context: CommandContext,
): Promise<AtEmulator> {
  const { client, running } = await findTarget(
    "dps",
    { emulator: port },
    {
      ...context,
      // Not that of some other service.
      environment: { ...context.environment, BERTH_DPS_CONNECTION_STRING: undefined },
    },
  );
  const { idScope, address, root, port: toPort, httpsPort } = running!;
  return {
    idScope,
    port: toPort,
    roots: [root],
    // WebSocket: 443, or where this emulator has it (`--transport websocket:PORT`).
    connectTo: [
      ...[443, httpsPort].map((port) => ({ host: "", port, address, toPort: httpsPort })),
      { host: "", address, toPort },
    ],
    symmetricKey: needsKey ? await keyOf(client, registrationId) : undefined,
  };
}

async function keyOf(dps: ServiceClient, registrationId: string): Promise<string> {
  const own = await primaryKey(dps, `/enrollments/${encodeURIComponent(registrationId)}`);
  if (own !== undefined) return own;
  const groups = await dps.pages(
    "POST",
    "/enrollmentGroups/query",
    { query: "SELECT * FROM enrollmentGroups" },
    1000,
  );
  const ids = groups
    .filter(({ attestation }) => (attestation as { type?: string }).type === "symmetricKey")
    .map(({ enrollmentGroupId }) => String(enrollmentGroupId));
  const [only, second] = ids;
  if (only === undefined || second !== undefined) {
    const which = only === undefined ? "has no enrollment" : `has several groups (${ids.join(", ")})`;
    throw new BerthError(
      "invalid-argument",
      `--emulator: it ${which} with a key for ${registrationId}; give --symmetric-key-file, or --cert with --key (berth dps enrollment create makes an enrollment)`,
    );
  }
  const key = await primaryKey(dps, `/enrollmentGroups/${encodeURIComponent(only)}`);
  return deriveDeviceKey(registrationId, new NodeSigner(key ?? ""), text);
}

async function primaryKey(dps: ServiceClient, path: string): Promise<string | undefined> {
  try {
    const { symmetricKey } = (await dps.post(`${path}/attestationmechanism`)) as {
      symmetricKey?: { primaryKey: string };
    };
    return symmetricKey?.primaryKey;
  } catch (error) {
    if (error instanceof ServiceFailure && error.status === 404) return undefined;
    throw error;
  }
}
