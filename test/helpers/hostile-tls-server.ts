// SPDX-License-Identifier: MIT
/**
 * A TLS 1.2 server that misbehaves where its plan says so, and is honest everywhere else: ECDHE on P-256 with
 * AES-128-GCM-SHA256, RSA or ECDSA (RFC 5246, RFC 5288, RFC 8422). It keeps what the client sent and when.
 */
import { createECDH, type KeyObject, randomBytes } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ByteReader, CONTENT, EXTENSION, HANDSHAKE, message, SUITE, TLS_1_2 } from "./hostile-tls-bytes";
import { deriveSecrets, pseudoRandom, type Secrets, sha256 } from "./hostile-tls-keys";
import { type Cut, RecordLayer } from "./hostile-tls-layer";
import {
  type ClientHello,
  certificateMessage,
  honestExtensions,
  type KeyExchangePlan,
  readClientHello,
  serverHello,
  serverKeyExchange,
} from "./hostile-tls-messages";
import {
  applicationRecord,
  CHANGE_CIPHER_SPEC,
  type HostileRecord,
  handshakeRecord,
} from "./hostile-tls-records";

/** Rewrites the records that an honest server would send now. */
export type Rewrite = (honest: readonly HostileRecord[]) => readonly HostileRecord[];

/** What the server does; only `chain` and `key` are needed for an honest one. */
export interface HostilePlan {
  /** Certificates in DER, the server's own first. */
  readonly chain: readonly Buffer[];
  /** The key that signs ServerKeyExchange; an honest one belongs to the first certificate. */
  readonly key: KeyObject;
  /** Version of ServerHello. */
  readonly version?: number;
  /** Suite of ServerHello; by default the one that fits the key. */
  readonly suite?: number;
  /** Compression method of ServerHello. */
  readonly compression?: number;
  /** Rewrites the server's random. */
  readonly random?: (honest: Buffer) => Buffer;
  /** Session of ServerHello; none by default. */
  readonly sessionId?: (hello: ClientHello) => Buffer;
  /** Rewrites the extensions of ServerHello. */
  readonly extensions?: (honest: readonly Buffer[]) => readonly Buffer[];
  readonly keyExchange?: KeyExchangePlan;
  /** What is sent first; the client then has to say ClientHello once more. */
  readonly retry?: (hello: ClientHello) => readonly HostileRecord[];
  /** ServerHello, Certificate, ServerKeyExchange, ServerHelloDone: a record each. */
  readonly flight?: Rewrite;
  /** ChangeCipherSpec, Finished. */
  readonly finish?: Rewrite;
  /** The answer to application data: an echo. */
  readonly answer?: Rewrite;
  /** Where all that the server sends is cut off. */
  readonly cut?: Cut;
}

/** What the server saw of one client. */
export interface HostileReport {
  /** Undefined when none came. */
  readonly hello: ClientHello | undefined;
  /** Types of the handshake messages of the client in their order, those after the handshake too. */
  readonly messages: readonly number[];
  /** Did the client's Finished verify? */
  readonly clientFinished: boolean;
  /** Bytes of application records that came before the server had sent its Finished. */
  readonly earlyApplicationBytes: number;
  /** Bytes of all application records, readable or not. */
  readonly applicationBytes: number;
  /** The application data that could be read. */
  readonly applicationData: Buffer;
  /** Descriptions of the client's alerts. */
  readonly alerts: readonly number[];
  /** All bytes of the client as they came over the wire. */
  readonly wire: Buffer;
  /** A fault of the server itself, or of a client that speaks no TLS. */
  readonly failure: unknown;
}

/** A listening server for one plan; each connection gets its own handshake. */
export class HostileServer {
  readonly port: number;
  readonly #server: Server;
  readonly #sessions: Session[];
  readonly #first: Promise<HostileReport>;

  private constructor(server: Server, sessions: Session[], first: Promise<HostileReport>) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sessions = sessions;
    this.#first = first;
  }

  static async start(plan: HostilePlan): Promise<HostileServer> {
    const sessions: Session[] = [];
    let tell: (report: HostileReport) => void;
    const first = new Promise<HostileReport>((resolve) => {
      tell = resolve;
    });
    const server = createServer((socket) => {
      const session = new Session(socket, plan);
      sessions.push(session);
      void session.run().then(tell);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new HostileServer(server, sessions, first);
  }

  /** What came over the first connection, once the client has ended it. */
  report(): Promise<HostileReport> {
    return this.#first;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** One connection. */
class Session {
  readonly #plan: HostilePlan;
  readonly #layer: RecordLayer;
  readonly #messages: number[] = [];
  #unread = Buffer.alloc(0);
  #transcript: Buffer[] = [];
  #hello: ClientHello | undefined;
  #clientFinished = false;
  #early: number | undefined;

  constructor(socket: Socket, plan: HostilePlan) {
    this.#plan = plan;
    this.#layer = new RecordLayer(socket, plan.cut);
  }

  destroy(): void {
    this.#layer.destroy();
  }

  /** Serves until the client has gone. */
  async run(): Promise<HostileReport> {
    let failure: unknown;
    try {
      await this.#handshake();
    } catch (error) {
      failure = error;
      this.#layer.end();
    }
    // Whatever went wrong, all that the client still sends counts.
    while ((await this.#layer.receive()) !== undefined);
    await this.#layer.closed;
    return {
      hello: this.#hello,
      messages: this.#messages,
      clientFinished: this.#clientFinished,
      earlyApplicationBytes: this.#early ?? this.#layer.applicationBytes,
      applicationBytes: this.#layer.applicationBytes,
      applicationData: Buffer.concat(this.#layer.applicationData),
      alerts: this.#layer.alerts,
      wire: Buffer.concat(this.#layer.wire),
      failure,
    };
  }

  async #handshake(): Promise<void> {
    const helloBody = await this.#nextMessage(HANDSHAKE.clientHello);
    if (helloBody === undefined) return;
    const hello = readClientHello(helloBody);
    this.#hello = hello;

    if (this.#plan.retry !== undefined) {
      this.#layer.send(this.#plan.retry(hello));
      if ((await this.#nextMessage(HANDSHAKE.clientHello)) === undefined) return;
    }

    const honestRandom = randomBytes(32);
    const random = this.#plan.random?.(honestRandom) ?? honestRandom;
    const share = createECDH("prime256v1");
    share.generateKeys();
    this.#send(this.#firstFlight(hello, random, share.getPublicKey()), this.#plan.flight);

    const exchange = await this.#nextMessage(HANDSHAKE.clientKeyExchange);
    if (exchange === undefined) return;
    const preMaster = share.computeSecret(new ByteReader(exchange).vector(1));
    const extended = this.#extensionsFor(hello).some(
      (one) => one.readUInt16BE(0) === EXTENSION.extendedMasterSecret,
    );
    const secrets = deriveSecrets(preMaster, hello.random, random, extended ? this.#hash() : undefined);
    this.#layer.setKeys(secrets.fromClient, secrets.fromServer);

    const expected = this.#verifyData(secrets, "client finished");
    const finished = await this.#nextMessage(HANDSHAKE.finished);
    if (finished === undefined) return;
    this.#clientFinished = finished.equals(expected);
    if (!this.#clientFinished) throw new Error("the client's Finished is wrong");

    // What a client sends ahead of the server's Finished is here by now.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    this.#layer.readAhead();
    this.#early = this.#layer.applicationBytes;
    const answer = message(HANDSHAKE.finished, this.#verifyData(secrets, "server finished"));
    this.#send([CHANGE_CIPHER_SPEC, handshakeRecord(answer)], this.#plan.finish);
    await this.#converse();
  }

  #firstFlight(hello: ClientHello, random: Buffer, point: Buffer): HostileRecord[] {
    const plan = this.#plan;
    const honestSuite =
      plan.key.asymmetricKeyType === "rsa" ? SUITE.ecdheRsaAes128Gcm : SUITE.ecdheEcdsaAes128Gcm;
    const randoms = Buffer.concat([hello.random, random]);
    return [
      serverHello({
        version: plan.version ?? TLS_1_2,
        random,
        sessionId: plan.sessionId?.(hello) ?? Buffer.alloc(0),
        suite: plan.suite ?? honestSuite,
        compression: plan.compression ?? 0,
        extensions: this.#extensionsFor(hello),
      }),
      certificateMessage(plan.chain),
      serverKeyExchange(plan.keyExchange ?? {}, plan.key, randoms, point),
      message(HANDSHAKE.serverHelloDone),
    ].map(handshakeRecord);
  }

  #extensionsFor(hello: ClientHello): readonly Buffer[] {
    const honest = honestExtensions(hello);
    return this.#plan.extensions?.(honest) ?? honest;
  }

  /** Sends what the plan makes of `honest`; the hash of the handshake goes over what is really sent. */
  #send(honest: readonly HostileRecord[], rewrite: Rewrite | undefined): void {
    const records = rewrite?.(honest) ?? honest;
    for (const record of records) {
      if (record.type === CONTENT.handshake) this.#transcript.push(record.body);
    }
    this.#layer.send(records);
  }

  /** Answers application data until the client has gone. */
  async #converse(): Promise<void> {
    for (;;) {
      const record = await this.#layer.receive();
      if (record === undefined) return;
      if (record.type === CONTENT.applicationData) {
        const echo = applicationRecord(record.body);
        this.#layer.send(this.#plan.answer?.([echo]) ?? [echo]);
      } else if (record.type === CONTENT.handshake) {
        this.#messages.push(record.body.readUInt8(0));
      }
    }
  }

  /** The body of the client's next handshake message; undefined when none comes. @throws when it has another type. */
  async #nextMessage(type: number): Promise<Buffer | undefined> {
    for (;;) {
      const whole = takeMessage(this.#unread);
      if (whole !== undefined) {
        this.#unread = this.#unread.subarray(whole.length);
        this.#transcript.push(whole);
        const got = whole.readUInt8(0);
        this.#messages.push(got);
        if (got !== type) throw new Error(`the client sent message ${got} where ${type} belongs`);
        return whole.subarray(4);
      }
      const record = await this.#layer.receive();
      if (record === undefined) return undefined;
      if (record.type === CONTENT.handshake) this.#unread = Buffer.concat([this.#unread, record.body]);
    }
  }

  #hash(): Buffer {
    return sha256(Buffer.concat(this.#transcript));
  }

  /** RFC 5246 section 7.4.9. */
  #verifyData(secrets: Secrets, label: string): Buffer {
    return pseudoRandom(secrets.master, label, this.#hash(), 12);
  }
}

function takeMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 4) return undefined;
  const length = 4 + bytes.readUIntBE(1, 3);
  return bytes.length < length ? undefined : bytes.subarray(0, length);
}
