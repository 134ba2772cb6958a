// SPDX-License-Identifier: MIT
/** DPS and a hub in virtual time whose certificates lead to a root, and a twin that delivers roots. */
import { assigningDps, hub, requestIdOf } from "../../simulator/services";
import { VirtualAzure, type VirtualConnection } from "../../simulator/virtual-azure";
import { MemoryStore, nodeText, VirtualTime } from "../../simulator/virtual-host";
import { signedBytes } from "../../src/credentials/root-bundle";
import { twinWithCredentials } from "../../src/credentials/credential-twin";
import { SignedRoots, type SignedRootsOptions } from "../../src/credentials/signed-roots";
import { BerthError } from "../../src/error";
import { openTransport, type Store, type Transport, type TransportOptions } from "../../src/host";
import { readCertificate } from "../../src/x509/certificate";
import { pointOf } from "../../src/x509/certificate-request";
import { DPS, HUB, type World, world } from "./agent-world";
import { base64Of, FakeCertificates, fakeCertificate, keyOf, signatureOf } from "./fake-certificates";

const DAY = 86_400_000;

/** The key that signs bundles, and another. */
export const SIGNER = 7;

export class RootedAzure {
  readonly time = new VirtualTime();
  readonly azure = new VirtualAzure(this.time);
  readonly certificates = new FakeCertificates();
  /** The root that the servers' certificates lead to, by server. */
  readonly rootOf = new Map([
    [DPS, "Old"],
    [HUB, "Old"],
  ]);
  /** Names of the roots that each connection trusted, and its server. */
  readonly trusted: string[] = [];
  desired: Record<string, unknown> = { $version: 1 };
  readonly reported: unknown[] = [];
  #hub: VirtualConnection | undefined;

  constructor() {
    this.certificates.own = [this.root("Old")];
    this.azure.servers.set(DPS, assigningDps(HUB));
    const usual = hub();
    this.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd === "connect") this.#hub = connection;
      usual(connection, packet);
      if (packet.cmd !== "publish") return;
      const id = requestIdOf(packet.topic);
      if (packet.topic.startsWith("$iothub/twin/GET/"))
        connection.publish(
          `$iothub/twin/res/200/?$rid=${id}`,
          JSON.stringify({ desired: this.desired, reported: { $version: 1 } }),
        );
      if (packet.topic.startsWith("$iothub/twin/PATCH/")) {
        this.reported.push((JSON.parse(packet.payload.toString()) as { trustedRoots: unknown }).trustedRoots);
        connection.publish(`$iothub/twin/res/204/?$rid=${id}&$version=2`, "");
      }
    });
  }

  /** @param days until it ends */
  root(name: string, days = 3_650): Uint8Array {
    const now = this.time.now() ?? 0;
    return fakeCertificate({ subject: name, issuer: name, notBefore: now - DAY, notAfter: now + days * DAY });
  }

  bundle(counter: number, roots: readonly Uint8Array[], signer = SIGNER): Record<string, unknown> {
    const signature = signatureOf(pointOf(keyOf(signer)), signedBytes({ counter, roots }, nodeText));
    return { counter, roots: roots.map(base64Of), signature: base64Of(signature) };
  }

  /** Puts it into the desired properties, and tells a device that is connected. */
  deliver(trustedRoots: unknown): void {
    const $version = Number(this.desired.$version) + 1;
    this.desired = { trustedRoots, $version };
    if (this.#hub?.open)
      this.#hub.publish(
        `$iothub/twin/PATCH/properties/desired/?$version=${$version}`,
        JSON.stringify(this.desired),
      );
  }

  boot(store: Store = new MemoryStore(), options: SignedRootsOptions = {}): World {
    const roots = new SignedRoots({ publicKey: pointOf(keyOf(SIGNER)), ...options });
    const device = world({
      azure: this.azure,
      time: this.time,
      store: store as MemoryStore,
      host: { certificates: this.certificates, transport: this.#binding() },
      handler: { onCredential: ({ what, state, counter }) => device.log.push(`${what} ${state} ${counter}`) },
      options: {
        credentials: [roots],
        features: [twinWithCredentials({}, [roots])],
        hub: { keepAlive: 1_177_000 },
      },
    });
    device.agent.start();
    return device;
  }

  drop(): void {
    for (const connection of this.azure.connections)
      if (connection.open) connection.fail(new Error("dropped"));
  }

  #binding() {
    const world = this;
    const inner = this.azure.binding();
    return {
      io: class {
        constructor(options: TransportOptions & { shown?: { roots?: readonly Uint8Array[] } }) {
          const roots = options.shown?.roots ?? world.certificates.own;
          const names = roots.map((der) => readCertificate(der).commonName);
          world.trusted.push(`${options.host === HUB ? "hub" : "dps"} ${names.join("+")}`);
          const { onError } = options;
          // biome-ignore lint/correctness/noConstructorReturn: a transport is one or the other
          if (names.includes(world.rootOf.get(options.host))) return openTransport(inner, options) as never;
          world.time.set(() => onError(new BerthError("tls-untrusted")), 1);
        }

        read(): number {
          return 0;
        }

        write(): number {
          return 0;
        }

        close(): void {
          // Nothing is open.
        }
      } as new (
        options: never,
      ) => Transport,
    };
  }
}
