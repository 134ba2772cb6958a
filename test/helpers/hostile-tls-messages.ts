// SPDX-License-Identifier: MIT
/** The messages of a TLS 1.2 handshake with ECDHE on P-256 (RFC 5246 section 7.4, RFC 8422). */
import { type KeyObject, sign } from "node:crypto";
import { ByteReader, EXTENSION, extension, HANDSHAKE, message, uint, vector } from "./hostile-tls-bytes";

/** What a client offered. */
export interface ClientHello {
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suites: readonly number[];
  readonly compressions: readonly number[];
  readonly extensions: ReadonlyMap<number, Buffer>;
  /** The versions of supported_versions, or that of the hello (RFC 8446, section 4.2.1). */
  readonly versions: readonly number[];
  /** The name of SNI. */
  readonly serverName: string | undefined;
}

/** @throws RangeError for a hello that is none. */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new ByteReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const suites = readNumbers(reader.vector(2), 2);
  const compressions = readNumbers(reader.vector(1), 1);
  const extensions = new Map<number, Buffer>();
  if (reader.left > 0) {
    const list = new ByteReader(reader.vector(2));
    while (list.left > 0) extensions.set(list.uint(2), list.vector(2));
  }
  const supported = extensions.get(EXTENSION.supportedVersions);
  const name = extensions.get(EXTENSION.serverName);
  return {
    version,
    random,
    sessionId,
    suites,
    compressions,
    extensions,
    versions: supported === undefined ? [version] : readNumbers(supported.subarray(1), 2),
    serverName: name?.subarray(5).toString("latin1"),
  };
}

/** All of `bytes` as numbers of `width` bytes. */
export function readNumbers(bytes: Buffer, width: number): number[] {
  const reader = new ByteReader(bytes);
  const values: number[] = [];
  while (reader.left > 0) values.push(reader.uint(width));
  return values;
}

export interface ServerHelloFields {
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: readonly Buffer[];
}

export function serverHello(fields: ServerHelloFields): Buffer {
  return message(
    HANDSHAKE.serverHello,
    uint(fields.version, 2),
    fields.random,
    vector(1, fields.sessionId),
    uint(fields.suite, 2),
    uint(fields.compression, 1),
    vector(2, ...fields.extensions),
  );
}

/** What an honest server answers to the extensions of `hello`: RFC 5746 section 3.6, RFC 7627 section 5.2. */
export function honestExtensions(hello: ClientHello): Buffer[] {
  const answer = [extension(EXTENSION.renegotiationInfo, vector(1))];
  if (hello.extensions.has(EXTENSION.extendedMasterSecret)) {
    answer.push(extension(EXTENSION.extendedMasterSecret));
  }
  return answer;
}

/** `chain`: certificates in DER, the server's own first. */
export function certificateMessage(chain: readonly Buffer[]): Buffer {
  return message(HANDSHAKE.certificate, vector(3, ...chain.map((der) => vector(3, der))));
}

/** SignatureScheme numbers; the high byte is the hash, the low byte the signature (RFC 5246 section 7.4.1.4.1). */
export const SIGNATURE = Object.freeze({
  rsaSha1: 0x0201,
  ecdsaSha1: 0x0203,
  rsaSha256: 0x0401,
  ecdsaSha256: 0x0403,
  rsaPssSha256: 0x0804,
});

/** How the server may misbehave in ServerKeyExchange; all honest by default. */
export interface KeyExchangePlan {
  /** SignatureScheme that is told. */
  readonly algorithm?: number;
  /** Makes the signature; an honest one by the plan's key when absent. */
  readonly sign?: (signed: Buffer) => Buffer;
  /** Rewrites the bytes that are signed: both randoms and the parameters. */
  readonly signed?: (honest: Buffer) => Buffer;
  /** Rewrites curve type, curve and public point. */
  readonly parameters?: (honest: Buffer) => Buffer;
}

/** ServerECDHParams for a point on P-256, RFC 8422 section 5.4: named_curve(3), secp256r1(23), the point. */
export function curveParameters(point: Buffer): Buffer {
  return Buffer.concat([uint(3, 1), uint(23, 2), vector(1, point)]);
}

export function serverKeyExchange(
  plan: KeyExchangePlan,
  key: KeyObject,
  randoms: Buffer,
  point: Buffer,
): Buffer {
  const honest = curveParameters(point);
  const parameters = plan.parameters?.(honest) ?? honest;
  const toSign = Buffer.concat([randoms, parameters]);
  const signed = plan.signed?.(toSign) ?? toSign;
  const signature = plan.sign?.(signed) ?? sign("sha256", signed, key);
  const honestAlgorithm = key.asymmetricKeyType === "rsa" ? SIGNATURE.rsaSha256 : SIGNATURE.ecdsaSha256;
  const algorithm = uint(plan.algorithm ?? honestAlgorithm, 2);
  return message(HANDSHAKE.serverKeyExchange, parameters, algorithm, vector(2, signature));
}
