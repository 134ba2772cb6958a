// SPDX-License-Identifier: MIT
/** DPS and a hub in virtual time that issue certificates, and take devices by them. */
import type { Packet } from "mqtt-packet";
import { answerDps, assignedBody, requestIdOf } from "../../simulator/services";
import { VirtualAzure, type VirtualConnection } from "../../simulator/virtual-azure";
import { MemoryStore, VirtualTime } from "../../simulator/virtual-host";
import type { Host, Store } from "../../src/host";
import { IssuedCertificate } from "../../src/credentials/issued-certificate";
import { readCertificate } from "../../src/x509/certificate";
import { DPS, HUB, type World, world } from "./agent-world";
import { base64Of, FakeCertificates, fakeCertificate, keyOfRequest } from "./fake-certificates";

export const LIFE = 30 * 86_400_000;

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly query?: string;
}

/** Keys of the certificates that the hub takes; and all that was asked. */
export class IssuingAzure {
  readonly time = new VirtualTime();
  readonly azure = new VirtualAzure(this.time);
  readonly asked: {
    readonly by: string;
    readonly key: number;
    readonly user?: string;
    readonly replace?: string;
  }[] = [];
  /** How each CONNECT to the hub proved the device: the number of a certificate's key, or `sas`. */
  readonly proofs: (number | "sas")[] = [];
  /** CONNACK of the hub for such a proof. */
  accepts: (proof: number | "sas") => boolean = () => true;
  /** The certificates for a request. */
  chain: (key: number, by: string) => unknown = (key) => this.chainFor(key);
  /** What the hub answers, in turn, in place of 202 and 200; undefined: nothing. */
  answers: ((key: number) => readonly Answer[] | undefined) | undefined;
  /** SUBACK of the hub for a filter. */
  grants: (filter: string) => number = () => 1;
  /** Registration bodies, as they came. */
  readonly registrations: string[] = [];
  certificates = new FakeCertificates();

  constructor() {
    this.azure.servers.set(DPS, (connection, packet) => this.#dps(connection, packet));
    this.azure.servers.set(HUB, (connection, packet) => this.#hub(connection, packet));
  }

  chainFor(key: number, changes: object = {}): string[] {
    const now = this.time.now() ?? 0;
    const leaf = fakeCertificate({
      subject: "device-1",
      key,
      notBefore: now,
      notAfter: now + LIFE,
      ...changes,
    });
    const ca = fakeCertificate({ subject: "CA", issuer: "Root", notBefore: now, notAfter: now + 10 * LIFE });
    const root = fakeCertificate({
      subject: "Root",
      issuer: "Root",
      notBefore: now,
      notAfter: now + 20 * LIFE,
    });
    return [leaf, ca, root].map(base64Of);
  }

  /** A device, started. */
  boot(store: Store = new MemoryStore(), host: Partial<Host> = {}): World {
    const device = world({
      azure: this.azure,
      time: this.time,
      store: store as MemoryStore,
      host: { certificates: this.certificates, ...host },
      handler: {
        onCredential: ({ what, state }) => device.log.push(`${what} ${state}`),
      },
      options: { credentials: [new IssuedCertificate()], hub: { keepAlive: 1_177_000 } },
    });
    device.agent.start();
    return device;
  }

  /** Ends all that the device has open. */
  drop(): void {
    for (const connection of this.azure.connections)
      if (connection.open) connection.fail(new Error("dropped"));
  }

  #dps(connection: VirtualConnection, packet: Packet): void {
    if (packet.cmd === "connect") {
      this.#user = packet.username;
      connection.connack();
    }
    if (packet.cmd === "subscribe")
      connection.send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1] });
    if (packet.cmd !== "publish") return;
    if (packet.messageId) connection.send({ cmd: "puback", messageId: packet.messageId });
    const text = packet.payload.toString();
    this.registrations.push(text);
    const { csr } = JSON.parse(text) as { csr?: string };
    let more = {};
    if (csr !== undefined) {
      const key = keyOfRequest(csr);
      this.asked.push({ by: "dps", key, ...(this.#user !== undefined && { user: this.#user }) });
      const chain = this.chain(key, "dps");
      if (chain !== undefined) more = { issuedCertificateChain: chain };
    }
    answerDps(connection, 200, requestIdOf(packet.topic), assignedBody(HUB, "device-1", more));
  }

  #user: string | undefined;

  #hub(connection: VirtualConnection, packet: Packet): void {
    switch (packet.cmd) {
      case "connect": {
        const shown = this.certificates.shown.chain?.[0];
        const proof =
          packet.password === undefined && shown ? (readCertificate(shown).publicKey.at(-1) ?? 0) : "sas";
        this.proofs.push(proof);
        connection.connack(this.accepts(proof) ? 0 : 5);
        break;
      }
      case "subscribe":
        connection.send({
          cmd: "suback",
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(({ topic }) => this.grants(topic) as 0),
        });
        break;
      case "pingreq":
        connection.send({ cmd: "pingresp" });
        break;
      case "publish":
        if (packet.messageId) connection.send({ cmd: "puback", messageId: packet.messageId });
        if (packet.topic.startsWith("$iothub/credentials/POST/issueCertificate/"))
          this.#issue(connection, packet.topic, packet.payload.toString());
        break;
      default:
    }
  }

  #issue(connection: VirtualConnection, topic: string, text: string): void {
    const { id, csr, replace } = JSON.parse(text) as { id: string; csr: string; replace?: string };
    const key = keyOfRequest(csr);
    this.asked.push({ by: id, key, ...(replace !== undefined && { replace }) });
    const answers = this.answers
      ? (this.answers(key) ?? [])
      : [{ status: 202 }, { status: 200, body: { certificates: this.chain(key, "hub") } }];
    for (const { status, body, query = "" } of answers) {
      connection.publish(
        `$iothub/credentials/res/${status}/?$rid=${requestIdOf(topic)}${query}`,
        body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body),
      );
    }
  }
}
