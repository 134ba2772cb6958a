// SPDX-License-Identifier: MIT
/** The life of an issued certificate in virtual time: asked for, tried, renewed, refused, and through power cuts. */
import { describe, expect, test } from "@jest/globals";
import { MemoryStore } from "../../../simulator/virtual-host";
import { CERTIFICATE_KEYS, IssuedCertificate } from "../../../src/credentials/issued-certificate";
import type { Store } from "../../../src/host";
import { readCertificate } from "../../../src/x509/certificate";
import { bytes, world } from "../../helpers/agent-world";
import { base64Of, fakeCertificate, keyOf } from "../../helpers/fake-certificates";
import { IssuingAzure, LIFE } from "../../helpers/issuing-azure";
import { thrownCode } from "../../helpers/thrown";
import { type Flash, PowerCut, TEARINGS, TornStore } from "../../helpers/torn-store";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("asked for", () => {
  test("with a registration, once; DPS is told who by the identity, the hub by the certificate", () => {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    expect(azure.asked).toEqual([
      { by: "dps", key: 1, user: "0ne00000000/registrations/device-1/api-version=2025-07-01-preview" },
    ]);
    expect(azure.proofs).toEqual([1]);
    expect(device.log.filter((line) => line.startsWith("certificate"))).toEqual([
      "certificate asked",
      "certificate stored",
      "certificate in-use",
    ]);
    device.agent.send(bytes("x"));
    azure.time.advance(MINUTE);
    expect(device.log.at(-1)).toBe("acknowledged 1");
  });

  test("the chain is shown without its root, with the key that was made", () => {
    const azure = new IssuingAzure();
    azure.boot();
    azure.time.advance(MINUTE);
    const { chain: shown = [], key } = azure.certificates.shown;
    expect(shown.map((der) => readCertificate(der).commonName)).toEqual(["device-1", "CA"]);
    expect(key).toEqual(keyOf(1));
  });

  test("a device that has one sends what a device without sends", () => {
    const azure = new IssuingAzure();
    const plain = world({ azure: azure.azure, time: azure.time });
    plain.agent.start();
    azure.time.advance(MINUTE);
    plain.agent.stop();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    device.agent.reprovision();
    azure.time.advance(MINUTE);
    const users = azure.azure.connections
      .filter(({ host }) => host.startsWith("global"))
      .map(({ packets }) =>
        packets.map((packet) => (packet.cmd === "connect" ? packet.username : "")).join(""),
      );
    const old = "0ne00000000/registrations/device-1/api-version=2019-03-31";
    expect([users[0], users.at(-1)]).toEqual([old, old]);
    expect([azure.registrations[0], azure.registrations.at(-1)]).toEqual(
      Array(2).fill('{"registrationId":"device-1"}'),
    );
    expect(azure.registrations).toHaveLength(3);
  });

  test("a key that DPS did not answer for is asked for again, also after a restart", () => {
    const azure = new IssuingAzure();
    const store = new MemoryStore();
    azure.chain = () => {
      azure.drop();
      return undefined;
    };
    const first = azure.boot(store);
    azure.time.advance(MINUTE);
    first.agent.stop();
    azure.chain = (key) => azure.chainFor(key);
    azure.boot(store);
    azure.time.advance(2 * MINUTE);
    expect(new Set(azure.asked.map(({ key }) => key))).toEqual(new Set([1]));
    expect(azure.proofs).toEqual([1]);
  });

  test("needs a platform that has certificates, and is one device's", () => {
    const options = { credentials: [new IssuedCertificate()] };
    expect(thrownCode(() => world({ options }))).toBe("invalid-argument");
    const azure = new IssuingAzure();
    const host = { certificates: azure.certificates };
    world({ host, options });
    expect(thrownCode(() => world({ host, options }))).toBe("invalid-argument");
  });
});

const now = () => new IssuingAzure().time.now() ?? 0;
const WRONG: readonly (readonly [string, (key: number) => unknown, string])[] = [
  ["for another key", () => chain({ key: 99 }), "another key"],
  ["for another device", (key) => chain({ key, subject: "device-2" }), "for device-2"],
  ["for nobody that can be read", (key) => chain({ key, subject: "\u0001" }), "for ?"],
  ["that has ended", (key) => chain({ key, notAfter: now() - 1000 }), "ended at"],
  ["too large to be kept", (key) => chain({ key, padding: 3_900 }), "at most are kept"],
  ["with rubbish behind the leaf", (key) => [...chain({ key }), "AAAA"], "certificate 2"],
  ["that is cut short", (key) => [chain({ key })[0]?.slice(0, 40)], "certificate 1"],
  ["no array", () => "x", "no chain"],
  ["not issued", () => undefined, "issued none"],
];

function chain(changes: { key?: number; subject?: string; notAfter?: number; padding?: number }): string[] {
  return [
    base64Of(fakeCertificate({ subject: "device-1", notBefore: now(), notAfter: now() + LIFE, ...changes })),
  ];
}

describe.each(WRONG)("a certificate %s", (_, wrong, about) => {
  test("of DPS: told, never shown; the device connects with what it has, and asks again after hours", () => {
    const azure = new IssuingAzure();
    azure.chain = (key) => wrong(key);
    const device = azure.boot();
    azure.time.advance(MINUTE);
    expect(device.errors.map(({ error }) => error.code)).toEqual(["certificate-unusable"]);
    expect(device.errors[0]?.error.message).toContain(about);
    expect(azure.proofs).toEqual(["sas"]);
    azure.chain = (key) => azure.chainFor(key);
    azure.time.advance(55 * MINUTE);
    expect(azure.asked).toHaveLength(1);
    azure.time.advance(2 * HOUR);
    expect(azure.asked).toHaveLength(2);
    expect(azure.proofs.at(-1)).toBe(azure.asked[1]?.key);
  });

  test("of the hub: told, and the one in use serves on", () => {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    azure.chain = (key) => wrong(key);
    azure.time.advance(23 * DAY);
    const codes = device.errors.map(({ error }) => error.code);
    expect(new Set(codes)).toEqual(new Set(["certificate-unusable"]));
    expect(new Set(azure.proofs)).toEqual(new Set([1]));
    expect(device.agent.state).toBe("running");
    azure.chain = (key) => azure.chainFor(key);
    azure.time.advance(2 * DAY);
    expect(azure.proofs.at(-1)).toBeGreaterThan(1);
  });
});

describe("on trial", () => {
  test("refused by the hub three times: given up; what was before serves in between, and another is asked for", () => {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    azure.accepts = (proof) => proof === 1;
    azure.time.advance(24 * DAY);
    const news = azure.proofs.filter((proof) => proof === 2);
    expect(news).toHaveLength(3);
    // Never twice in a row.
    expect(azure.proofs.join(" ")).not.toContain("2 2");
    expect(device.log).toContain("certificate given-up");
    expect(device.agent.state).toBe("running");
    azure.accepts = () => true;
    azure.time.advance(3 * DAY);
    expect(azure.proofs.at(-1)).toBeGreaterThan(2);
  });

  test("failures are counted over restarts", () => {
    const azure = new IssuingAzure();
    const store = new MemoryStore();
    azure.accepts = (proof) => proof === "sas";
    for (let i = 0; i < 6; i += 1) {
      const device = azure.boot(store);
      azure.time.advance(10_000);
      device.agent.stop();
    }
    expect(azure.proofs.filter((proof) => proof === 1)).toHaveLength(3);
  });

  test("a network that is down counts for nothing", () => {
    const azure = new IssuingAzure();
    const hub = azure.azure.servers.get("contoso.azure-devices.net");
    azure.azure.servers.delete("contoso.azure-devices.net");
    const device = azure.boot();
    azure.time.advance(HOUR);
    expect(azure.proofs).toEqual([]);
    azure.azure.servers.set("contoso.azure-devices.net", hub!);
    azure.time.advance(2 * HOUR);
    expect(azure.proofs.at(-1)).toBe(azure.asked.at(-1)?.key);
    expect(device.log).not.toContain("certificate given-up");
  });

  test("a hub that takes neither it nor the identity leads to DPS, and in the end to another certificate", () => {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    // Revoked.
    azure.accepts = (proof) => proof !== 1 && proof !== "sas";
    azure.drop();
    azure.time.advance(10 * MINUTE);
    expect(azure.asked.map(({ by }) => by)).toEqual(["dps", "dps"]);
    expect(azure.proofs.at(-1)).toBe(2);
    expect(device.agent.state).toBe("running");
  });
});

describe("renewed", () => {
  test("between two thirds and three quarters of its life, each device at its own time", () => {
    const times = Array.from({ length: 5 }, (_, i) => {
      const azure = new IssuingAzure();
      azure.boot(new MemoryStore(), { random: () => (i + 0.5) / 5 });
      azure.time.advance(MINUTE);
      let hours = 0;
      while (azure.asked.length < 2 && hours < 30 * 24) {
        azure.time.advance(HOUR);
        hours += 1;
      }
      expect(azure.asked[1]).toEqual({ by: "device-1", key: 2 });
      azure.time.advance(MINUTE);
      expect(azure.proofs).toEqual([1, 2]);
      return (hours * HOUR) / LIFE;
    });
    for (const time of times) {
      expect(time).toBeGreaterThan(0.66);
      expect(time).toBeLessThan(0.76);
    }
    expect(new Set(times).size).toBe(5);
  });

  test("for a year: one certificate after the other, DPS asked once", () => {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(365 * DAY);
    expect(azure.asked.filter(({ by }) => by === "dps")).toHaveLength(1);
    expect(azure.asked.length).toBeGreaterThan(15);
    expect(azure.asked.length).toBeLessThan(20);
    expect(device.errors).toEqual([]);
    expect(device.agent.state).toBe("running");
  });

  function late(answer: IssuingAzure["answers"]) {
    const azure = new IssuingAzure();
    const device = azure.boot();
    azure.time.advance(MINUTE);
    azure.answers = answer;
    azure.time.advance(22 * DAY + 12 * HOUR);
    return { azure, device };
  }

  test("202 lets it wait 120 s more each time; then it asks again, in place of that request", () => {
    const { azure, device } = late(() => [{ status: 202 }, { status: 202 }]);
    expect(device.errors[0]?.error.code).toBe("hub-timeout");
    expect(azure.asked[2]).toEqual({ by: "device-1", key: 2, replace: "*" });
    azure.answers = undefined;
    azure.time.advance(HOUR);
    expect(azure.proofs.at(-1)).toBe(2);
  });

  test("a request of earlier that is active still is replaced", () => {
    const { azure, device } = late(() => [{ status: 409, body: { errorCode: 409005 } }]);
    expect(device.errors[0]?.error.code).toBe("hub-refused");
    azure.answers = undefined;
    azure.time.advance(4 * HOUR);
    expect(azure.asked.at(-1)).toEqual({ by: "device-1", key: 2, replace: "*" });
    expect(azure.proofs.at(-1)).toBe(2);
  });

  test.each([
    ["the topic", { status: 429, query: "&retry-after=7200" }],
    ["the body", { status: 503, body: { errorCode: 503001, retryAfter: 7200 } }],
  ])("a wait that %s tells is kept", (_, answer) => {
    const azure = new IssuingAzure();
    azure.boot(new MemoryStore(), { random: () => 0.5 });
    azure.time.advance(MINUTE);
    azure.answers = () => [answer];
    while (azure.asked.length < 2) azure.time.advance(MINUTE);
    azure.time.advance(119 * MINUTE);
    expect(azure.asked).toHaveLength(2);
    azure.time.advance(4 * MINUTE);
    expect(azure.asked).toHaveLength(3);
  });

  test("a connection that is lost while the hub works on it: asked again on the next one", () => {
    let dropped = false;
    const azure = new IssuingAzure();
    azure.boot();
    azure.time.advance(MINUTE);
    azure.answers = () => {
      if (dropped) return [{ status: 200, body: { certificates: azure.chainFor(2) } }];
      dropped = true;
      azure.drop();
      return [];
    };
    azure.time.advance(23 * DAY);
    expect(azure.asked.slice(1)).toEqual([
      { by: "device-1", key: 2 },
      { by: "device-1", key: 2, replace: "*" },
    ]);
    expect(azure.proofs.at(-1)).toBe(2);
  });

  test("a hub that knows nothing of it refuses the filter once: DPS renews, in the last sixth", () => {
    const azure = new IssuingAzure();
    azure.grants = (filter) => (filter.startsWith("$iothub/credentials") ? 0x80 : 1);
    const device = azure.boot();
    azure.time.advance(24 * DAY);
    expect(device.errors.map(({ error }) => error.code)).toEqual(["subscribe-refused"]);
    expect(azure.asked).toHaveLength(1);
    azure.time.advance(3 * DAY);
    expect(azure.asked.map(({ by }) => by)).toEqual(["dps", "dps"]);
    expect(azure.proofs.at(-1)).toBe(2);
  });
});

test("forget removes it, and the next owner's device asks for its own", () => {
  const azure = new IssuingAzure();
  const store = new MemoryStore();
  const device = azure.boot(store);
  azure.time.advance(MINUTE);
  device.agent.forget();
  expect(CERTIFICATE_KEYS.slots.filter((key) => store.values.has(key))).toEqual([]);
  azure.time.advance(MINUTE);
  expect(azure.proofs).toEqual([1, 2]);
});

/** A life of so long on `flash`, whose power goes after so many steps of its writes. @returns false when it did not */
function live(
  azure: IssuingAzure,
  flash: Flash,
  tearing: (typeof TEARINGS)[number][1],
  cut: number,
  time: number,
) {
  const torn = new TornStore(flash, tearing, cut);
  let dead = false;
  const mortal = new Proxy(torn as Store, {
    get(target, name: "read" | "write" | "delete") {
      return (...given: [string, Uint8Array]) => {
        // Nothing runs after a power cut, whoever catches what stands for it.
        if (dead) throw new PowerCut();
        try {
          return target[name](...given);
        } catch (error) {
          dead = true;
          throw error;
        }
      };
    },
  });
  const device = azure.boot(mortal);
  for (let passed = 0; passed < time && !dead; passed += time / 20) azure.time.advance(time / 20);
  device.agent.stop();
  return dead;
}

/** Every byte of a write is the business of trial-store.test.ts. */
const COARSE = TEARINGS.filter((_, i) => i % 3 === 1 || i === 0);

describe.each(COARSE)("the power goes at any write, where a write is: %s", (_, tearing) => {
  const byBytes = tearing.states(new Uint8Array(100)) > 3;
  test.each([
    ["the first certificate", 0, MINUTE],
    ["a renewal", 20 * DAY, 3 * DAY],
  ])("%s: the device connects afterwards, and has a certificate in use", (_name, before, during) => {
    for (let cut = 0; ; cut += byBytes ? 97 : 1) {
      const azure = new IssuingAzure();
      const flash: Flash = new Map();
      // The hub takes what was issued, and nothing else once there was one.
      azure.accepts = (proof) => proof === "sas" || azure.asked.some(({ key }) => key === proof);
      if (before > 0) live(azure, flash, tearing, Number.POSITIVE_INFINITY, MINUTE);
      azure.time.advance(before);
      const died = live(azure, flash, tearing, cut, during);
      const count = azure.proofs.length;
      const again = azure.boot(new TornStore(flash, tearing));
      azure.time.advance(10 * MINUTE);
      expect([cut, again.agent.state]).toEqual([cut, "running"]);
      expect([cut, azure.proofs.length > count]).toEqual([cut, true]);
      // In the end it is one that was issued.
      azure.time.advance(3 * HOUR);
      expect([cut, azure.proofs.at(-1)]).not.toEqual([cut, "sas"]);
      again.agent.stop();
      if (!died) break;
    }
  });
});

test("a store that fails costs neither the connection nor a registration each time", () => {
  const azure = new IssuingAzure();
  const store = new MemoryStore();
  const device = azure.boot(store);
  store.write = () => {
    throw new Error("worn out");
  };
  azure.time.advance(DAY);
  expect(device.agent.state).toBe("running");
  expect(azure.registrations.length).toBeLessThan(12);
});
