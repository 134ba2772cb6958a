// SPDX-License-Identifier: MIT
/** A device in the terms of berth-native, whose C takes certificates and keys in DER and addresses of IPv4. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import type { LinuxHostOptions } from "../hosts/native/linux/host";
import type { Settings } from "../hosts/native/linux/protocol";
import { pemCertificates } from "../hosts/node/credentials";
import { NodeSigner } from "../hosts/node/signer";
import type { AgentOptions } from "../src/agent/agent";
import { BerthError } from "../src/error";
import type { DeviceSettings } from "./device-engine";

/** @throws BerthError `invalid-argument` for what Node's engine would refuse, and for what only it can take */
export function nativeSettings(device: DeviceSettings, agent: AgentOptions, trace: boolean): Settings {
  const { stateDirectory, roots, certificate, key, connectTo = [] } = device;
  const endpoint = agent.provisioning?.host ?? "";
  if (isIPv6(endpoint)) throw noIpv6(`--endpoint ${endpoint}`);
  for (const { host, address } of connectTo) {
    if (isIPv6(host) || isIPv6(address)) throw noIpv6(`--connect-to ${host}:${address}`);
  }
  const host: LinuxHostOptions = {
    stateDirectory: resolve(stateDirectory),
    roots: roots.map((root) => derOf(root, "a root certificate")),
    ...(connectTo.length > 0 && { connectTo }),
    ...symmetricKeyOf(device),
    ...(certificate !== undefined && { certificate: chainOf(certificate) }),
    ...(key !== undefined && { key: privateKeyOf(key) }),
  };
  return { run: "agent", host, agent, trace };
}

/** Without the white space around it that Node's signer drops. */
function symmetricKeyOf({ symmetricKey }: DeviceSettings): { symmetricKey?: string } {
  if (symmetricKey === undefined) return {};
  // It says what is wrong with a key.
  new NodeSigner(symmetricKey);
  return { symmetricKey: symmetricKey.trim() };
}

function chainOf(pem: string): string[] {
  const blocks = pemCertificates(pem);
  if (blocks.length === 0) throw new BerthError("invalid-argument", "the certificate is not in PEM");
  return blocks.map((block) => derOf(block, "the device's certificate"));
}

function derOf(pem: string, what: string): string {
  try {
    return new X509Certificate(pem).raw.toString("base64");
  } catch (error) {
    throw new BerthError("invalid-argument", `${what} cannot be used: ${(error as Error).message}`);
  }
}

/** PKCS#8 in DER. */
function privateKeyOf(pem: string): string {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new BerthError("invalid-argument", `the private key cannot be used: ${(error as Error).message}`);
  }
  if (key.asymmetricKeyType !== "rsa" && key.asymmetricKeyType !== "ec") {
    throw new BerthError(
      "invalid-argument",
      `--engine native takes RSA and EC keys, not ${key.asymmetricKeyType}`,
    );
  }
  return key.export({ format: "der", type: "pkcs8" }).toString("base64");
}

function noIpv6(what: string): BerthError {
  return new BerthError("invalid-argument", `--engine native has IPv4 only: ${what}`);
}
