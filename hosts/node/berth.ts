// SPDX-License-Identifier: MIT
/**
 * `berth` on Node.js: the same class as on a board. What a board reads from flash comes from the options or, where an
 * application is to be the same on both, from the environment.
 */
import { join } from "node:path";
import type { Identity } from "../../src/agent/identity";
import { Device as BaseDevice, type DeviceOptions } from "../../src/device";
import { BerthError, invalidArgument } from "../../src/error";
import type { Host } from "../../src/host";
import { transports } from "../../src/transports";
import { parseConnectTo } from "../sockets/connect-to";
import { clientPairIn } from "./credentials";
import { type DirectoryLock, lockDirectory } from "./directory-lock";
import { readHandedOver } from "./handed-over";
import { createNodeHost } from "./host";
import { loadRoots } from "./roots";

export type * from "../../src/application-types";
export * from "../../src/azure/hub/plug-and-play";
export { BerthError } from "../../src/error";

/** Who the device is, and what proves it: a symmetric key, or a certificate with its key. */
export interface NodeIdentity {
  /** Default `BERTH_ID_SCOPE` of the environment. */
  readonly idScope?: string;
  /** For x.509 the common name of the certificate. Default `BERTH_REGISTRATION_ID`. */
  readonly registrationId?: string;
  /** Base64; the device's, not the group's. Default `BERTH_SYMMETRIC_KEY`. */
  readonly symmetricKey?: string;
  /** File: the certificate and its intermediates, PEM or DER. Default `BERTH_CERTIFICATE`. */
  readonly certificate?: string;
  /** File: the private key of it, PEM or DER. Default `BERTH_KEY`. */
  readonly key?: string;
}

/** Options of Node.js beside those of every platform; all can be left out. */
export interface NodeDeviceOptions extends DeviceOptions<Device> {
  readonly identity?: NodeIdentity;
  /** Directory that keeps the assignment, made when missing. Default `BERTH_STATE`, else `.berth/{registration id}`. */
  readonly state?: string;
  /** For `outbox.log`: a file of this device alone. Default `BERTH_OUTBOX`, else `outbox` in the directory `state`. */
  readonly outboxFile?: string;
  /** A file with roots to trust instead of Azure's, or several. Default `BERTH_CA`. */
  readonly ca?: string | readonly string[];
  /** Where connections really go, `HOST:ADDRESS:PORT`, comma separated. Default `BERTH_CONNECT_TO`. */
  readonly connectTo?: string;
  /** An HTTP proxy to go through, `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`. Default `BERTH_PROXY`. */
  readonly proxy?: string;
}

export class Device extends BaseDevice {
  /**
   * Starts the device's life a moment later.
   * @throws BerthError `invalid-argument` naming the option, file or variable that is wrong; nothing has started then
   */
  constructor(options: NodeDeviceOptions = {}) {
    const { identity, host } = platformOf(options, process.env);
    const endpoint = process.env.BERTH_ENDPOINT;
    const provisioning = { ...(endpoint && { host: endpoint }), ...options.provisioning };
    const order = process.env.BERTH_TRANSPORTS;
    const ways = options.transports ?? (order ? transports(...order.split(",")) : undefined);
    super(host, identity, {
      ...options,
      provisioning,
      ...(ways !== undefined && { transports: ways }),
    } as DeviceOptions<never>);
  }
}

export default Device;

/** One line for people. */
export function log(line: string): void {
  console.log(line);
}

type Environment = Readonly<Record<string, string | undefined>>;

function platformOf(
  options: NodeDeviceOptions,
  environment: Environment,
): { identity: Identity; host: Host } {
  const given = options.identity ?? {};
  const idScope = given.idScope ?? environment.BERTH_ID_SCOPE;
  const registrationId = given.registrationId ?? environment.BERTH_REGISTRATION_ID;
  if (!idScope) throw invalidArgument("no id scope: give identity.idScope or BERTH_ID_SCOPE");
  if (!registrationId)
    throw invalidArgument("no registration id: give identity.registrationId or BERTH_REGISTRATION_ID");
  const proof = proofOf(given, environment);
  const connectTo = options.connectTo ?? environment.BERTH_CONNECT_TO;
  const proxy = options.proxy ?? environment.BERTH_PROXY;
  const ca = [options.ca ?? (environment.BERTH_CA || [])].flat();
  const stateDirectory = options.state ?? environment.BERTH_STATE ?? join(".berth", registrationId);
  const attestation = "symmetricKey" in proof ? "symmetricKey" : "x509";
  const outboxFile = options.outboxFile ?? (environment.BERTH_OUTBOX || undefined);
  const host = createNodeHost({
    stateDirectory,
    outboxFile,
    roots: loadRoots({ replace: ca }),
    ...proof,
    ...(connectTo && { connectTo: parseConnectTo(connectTo) }),
    ...(proxy && { proxy }),
  });
  return { identity: { idScope, registrationId, attestation }, host: { ...host, ...locked(stateDirectory) } };
}

/** The directory is one device's: a second one does not start. */
function locked(directory: string): Required<Pick<Host, "begin" | "end">> {
  let lock: DirectoryLock | undefined;
  return {
    begin(ready) {
      lockDirectory(directory).then(
        (taken) => {
          lock = taken;
          ready();
        },
        (error: unknown) => ready(new BerthError("store-failed", `state: ${(error as Error).message}`)),
      );
    },
    end: () => lock?.release(),
  };
}

type Proof = { readonly symmetricKey: string } | { readonly certificate: string; readonly key: string };

function proofOf(given: NodeIdentity, environment: Environment): Proof {
  // What the application says counts before what the environment has for another one.
  const own = given.symmetricKey !== undefined || given.certificate !== undefined || given.key !== undefined;
  const { symmetricKey, certificate, key } = own
    ? given
    : {
        symmetricKey: environment.BERTH_SYMMETRIC_KEY,
        certificate: environment.BERTH_CERTIFICATE,
        key: environment.BERTH_KEY,
      };
  if (symmetricKey && (certificate || key)) {
    throw invalidArgument("identity: a symmetric key and a certificate; a device proves itself in one way");
  }
  if (symmetricKey) return { symmetricKey };
  if (!certificate && !key) {
    throw invalidArgument(
      "nothing to prove the device with: give identity.symmetricKey, or identity.certificate with identity.key, or BERTH_SYMMETRIC_KEY",
    );
  }
  if (!certificate || !key) throw invalidArgument("identity: certificate and key belong together; give both");
  return clientPairIn(fileOf(certificate, "identity.certificate"), fileOf(key, "identity.key"));
}

function fileOf(file: string, option: string): { bytes: Uint8Array; file: string } {
  try {
    return { bytes: readHandedOver(file), file };
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw invalidArgument(`${option}: ${file} cannot be read: ${(error as Error).message}`);
  }
}
