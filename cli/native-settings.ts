// SPDX-License-Identifier: MIT
/** A device in the terms of berth-native, whose C takes certificates and keys in DER. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import type { LinuxHostOptions } from "../hosts/native/linux/host";
import type { Settings } from "../hosts/native/linux/protocol";
import { pemCertificates } from "../hosts/node/credentials";
import { NodeSigner } from "../hosts/node/signer";
import { parseProxy } from "../hosts/sockets/http-connect";
import type { AgentOptions } from "../src/agent/agent";
import { BerthError } from "../src/error";
import type { EngineHost } from "./device-engine";

interface Curve {
  /** OpenSSL's. */
  readonly name: string;
  readonly known: string;
}

/** Those that C offers to a server (hosts/native/tls/berth_tls_context.c), which refuses a certificate with another one. */
const OWN_CURVES: readonly Curve[] = [
  { name: "prime256v1", known: "P-256" },
  { name: "secp384r1", known: "P-384" },
];
/** Of those who sign certificates. */
const CURVES: readonly Curve[] = [...OWN_CURVES, { name: "secp521r1", known: "P-521" }];
/** id-ecPublicKey, then a SEQUENCE in place of a curve's name (RFC 5480, section 2.1.1). */
const EXPLICIT_PARAMETERS = Buffer.from("06072a8648ce3d020130", "hex");

/** @throws BerthError `invalid-argument` for what Node's engine would refuse, and for what only it can take */
export function nativeSettings(device: EngineHost, agent: AgentOptions, trace: boolean): Settings {
  const { stateDirectory, roots, certificate, key, connectTo = [], proxy, transports, outboxFile } = device;
  const endpoint = agent.provisioning?.host ?? "";
  if (isIPv6(endpoint)) throw noIpv6Name(`--endpoint ${endpoint}`);
  const gateway = agent.hub?.gateway ?? "";
  if (isIPv6(gateway)) throw noIpv6Name(`--gateway ${gateway}`);
  // It says what is wrong with one.
  if (proxy !== undefined) parseProxy(proxy);
  const host: LinuxHostOptions = {
    stateDirectory: resolve(stateDirectory),
    roots: roots.map((root) => derOf(root, "a root certificate")),
    ...(connectTo.length > 0 && { connectTo }),
    ...(proxy !== undefined && { proxy }),
    ...(outboxFile !== undefined && { outboxFile: resolve(outboxFile) }),
    ...symmetricKeyOf(device),
    ...(certificate !== undefined && { certificate: chainOf(certificate) }),
    ...(key !== undefined && { key: privateKeyOf(key) }),
  };
  const { credentials } = device;
  return {
    run: "agent",
    host,
    agent,
    trace,
    ...(transports && { transports }),
    ...(credentials && { credentials }),
  };
}

/** Without the white space around it that Node's signer drops. */
function symmetricKeyOf({ symmetricKey }: EngineHost): { symmetricKey?: string } {
  if (symmetricKey === undefined) return {};
  // It says what is wrong with a key.
  new NodeSigner(symmetricKey);
  return { symmetricKey: symmetricKey.trim() };
}

function chainOf(pem: string): string[] {
  const blocks = pemCertificates(pem);
  if (blocks.length === 0) throw new BerthError("invalid-argument", "the certificate is not in PEM");
  return blocks.map((block, i) =>
    i === 0
      ? derOf(block, "the device's certificate (--cert)", OWN_CURVES)
      : derOf(block, `certificate ${i + 1} of --cert`),
  );
}

/** @param curves that its key may be on */
function derOf(pem: string, what: string, curves: readonly Curve[] = CURVES): string {
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(pem);
    key = certificate.publicKey;
  } catch (error) {
    throw new BerthError("invalid-argument", `${what} cannot be used: ${(error as Error).message}`);
  }
  checkCurve(key, curves, what);
  return certificate.raw.toString("base64");
}

/** @throws BerthError `invalid-argument` for a key on a curve that is not of `curves`, or that is not named */
function checkCurve(key: KeyObject, curves: readonly Curve[], what: string): void {
  if (key.asymmetricKeyType !== "ec") return;
  const named = key.asymmetricKeyDetails?.namedCurve;
  // Node names a curve also where the key spells its parameters out.
  const spki = (key.type === "private" ? createPublicKey(key as never) : key).export({
    format: "der",
    type: "spki",
  });
  const explicit = spki.includes(EXPLICIT_PARAMETERS);
  if (!explicit && curves.some(({ name }) => name === named)) return;
  const fault = explicit ? "spells the parameters of its curve out" : `is on ${named ?? "an unknown curve"}`;
  const good = curves.map(({ name, known }) => `${known} (${name})`).join(", ");
  throw new BerthError("invalid-argument", `${what} ${fault}; --engine native takes named curves: ${good}`);
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
  checkCurve(key, OWN_CURVES, "the private key (--key)");
  return key.export({ format: "der", type: "pkcs8" }).toString("base64");
}

function noIpv6Name(what: string): BerthError {
  return new BerthError("invalid-argument", `--engine native verifies no IPv6 address as a name: ${what}`);
}
