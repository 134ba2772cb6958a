// SPDX-License-Identifier: MIT
/** Key schedule and record protection of TLS 1.2 with AES-128-GCM and SHA-256 (RFC 5246, RFC 5288). */
import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { uint } from "./hostile-tls-bytes";

const KEY_LENGTH = 16;
/** The implicit part of the nonce; 8 explicit bytes follow it (RFC 5288, section 3). */
const SALT_LENGTH = 4;
const EXPLICIT_LENGTH = 8;
const TAG_LENGTH = 16;

export function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** The pseudo-random function, RFC 5246 section 5. */
export function pseudoRandom(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, "ascii"), seed]);
  const hmac = (bytes: Buffer) => createHmac("sha256", secret).update(bytes).digest();
  const output: Buffer[] = [];
  let a = labelled;
  for (let count = 0; count < length; count += 32) {
    a = hmac(a);
    output.push(hmac(Buffer.concat([a, labelled])));
  }
  return Buffer.concat(output).subarray(0, length);
}

/** One direction: AEAD with a sequence number. */
export class Protection {
  readonly #key: Buffer;
  readonly #salt: Buffer;
  #sequence = 0;

  constructor(key: Buffer, salt: Buffer) {
    this.#key = key;
    this.#salt = salt;
  }

  seal(type: number, version: number, plain: Buffer): Buffer {
    const explicit = uint(this.#sequence, EXPLICIT_LENGTH - 2);
    const nonce = Buffer.concat([this.#salt, Buffer.alloc(2), explicit]);
    const cipher = createCipheriv("aes-128-gcm", this.#key, nonce);
    cipher.setAAD(this.#additional(type, version, plain.length));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    this.#sequence += 1;
    return Buffer.concat([nonce.subarray(SALT_LENGTH), sealed, cipher.getAuthTag()]);
  }

  /** @throws when the record was not sealed by the peer's key, in this order. */
  open(type: number, version: number, sealed: Buffer): Buffer {
    const plainLength = sealed.length - EXPLICIT_LENGTH - TAG_LENGTH;
    const nonce = Buffer.concat([this.#salt, sealed.subarray(0, EXPLICIT_LENGTH)]);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, nonce);
    decipher.setAAD(this.#additional(type, version, plainLength));
    decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
    const plain = decipher.update(sealed.subarray(EXPLICIT_LENGTH, -TAG_LENGTH));
    decipher.final();
    this.#sequence += 1;
    return plain;
  }

  #additional(type: number, version: number, length: number): Buffer {
    return Buffer.concat([
      uint(0, 2),
      uint(this.#sequence, 6),
      uint(type, 1),
      uint(version, 2),
      uint(length, 2),
    ]);
  }
}

export interface Secrets {
  readonly master: Buffer;
  readonly fromClient: Protection;
  readonly fromServer: Protection;
}

/**
 * All keys of a connection. `sessionHash` is the hash of the messages up to ClientKeyExchange when both sides have
 * agreed on the extended master secret (RFC 7627, section 4), else undefined.
 */
export function deriveSecrets(
  preMaster: Buffer,
  clientRandom: Buffer,
  serverRandom: Buffer,
  sessionHash: Buffer | undefined,
): Secrets {
  const master =
    sessionHash === undefined
      ? pseudoRandom(preMaster, "master secret", Buffer.concat([clientRandom, serverRandom]), 48)
      : pseudoRandom(preMaster, "extended master secret", sessionHash, 48);
  const block = pseudoRandom(
    master,
    "key expansion",
    Buffer.concat([serverRandom, clientRandom]),
    2 * (KEY_LENGTH + SALT_LENGTH),
  );
  const part = (start: number, length: number) => block.subarray(start, start + length);
  return {
    master,
    fromClient: new Protection(part(0, KEY_LENGTH), part(2 * KEY_LENGTH, SALT_LENGTH)),
    fromServer: new Protection(part(KEY_LENGTH, KEY_LENGTH), part(2 * KEY_LENGTH + SALT_LENGTH, SALT_LENGTH)),
  };
}
