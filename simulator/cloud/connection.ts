// SPDX-License-Identifier: MIT
/** What connections to DPS and to a hub have in common: strict reading, and an end that has a reason. */
import type { Link, ServerEnd } from "../network";
import { START } from "../virtual-time";
import { type ConnectPacket, type PacketSink, type PublishPacket, WireError, WireReader } from "../wire";
import type { Account } from "./account";
import { judgeToken } from "./token";

export abstract class Connection implements ServerEnd, PacketSink {
  protected readonly account: Account;
  protected readonly link: Link;
  readonly #reader = new WireReader(this);
  /** CONNECT was accepted. */
  protected accepted = false;
  protected over = false;

  constructor(account: Account, link: Link) {
    this.account = account;
    this.link = link;
  }

  bytes(bytes: Buffer): void {
    if (this.over) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      const isDevices = [WireError, RangeError, SyntaxError, URIError].some((kind) => error instanceof kind);
      if (!isDevices) throw error;
      this.broken(`${this.link.host}: ${(error as Error).message}`);
    }
  }

  closed(): void {
    this.over = true;
  }

  abstract connect(packet: ConnectPacket): void;
  abstract publish(packet: PublishPacket): void;
  abstract puback(id: number): void;
  abstract subscribe(id: number, filters: readonly string[]): void;
  abstract pingreq(): void;

  disconnect(): void {
    // What follows is the end of the stream.
  }

  protected get now(): number {
    return this.account.options.time.ticks();
  }

  /** @param delivered as `Link.send` */
  protected send(bytes: Buffer, delivered?: () => void): void {
    if (!this.over) this.link.send(bytes, delivered);
  }

  protected end(): void {
    if (this.over) return;
    this.closed();
    this.link.end();
  }

  /** The device has broken a rule. */
  protected broken(what: string): void {
    // Behind what ended the connection bytes may follow that were sent before.
    if (this.over) return;
    this.account.options.events.fault(what);
    this.end();
  }

  /** @returns ticks at which the token ends, or a refusal that is the device's clock's; anything else is a fault of the device */
  protected judge(packet: ConnectPacket, user: string, resource: string): number | "expired" {
    const { account } = this;
    const { key } = account.options;
    const broken = (what: string): "expired" => {
      account.options.events.fault(`${this.link.host}: ${what}`);
      return "expired";
    };
    if (packet.user !== user) return broken(`user name ${packet.user}`);
    if (!key) return packet.password ? broken("a password beside a certificate") : Number.POSITIVE_INFINITY;
    const end = judgeToken(packet.password ?? "", resource, key, (START + this.now) / 1000);
    if (typeof end === "number") return end * 1000 - START;
    return end === "expired" ? end : broken(end);
  }
}
