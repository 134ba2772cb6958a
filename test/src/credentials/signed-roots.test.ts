// SPDX-License-Identifier: MIT
/** Roots that are delivered: judged, tried, believed, given up, replayed, and through power cuts; in virtual time. */
import { describe, expect, test } from "@jest/globals";
import { MemoryStore } from "../../../simulator/virtual-host";
import { SignedRoots } from "../../../src/credentials/signed-roots";
import { DPS, HUB } from "../../helpers/agent-world";
import { base64Of } from "../../helpers/fake-certificates";
import { RootedAzure } from "../../helpers/rooted-azure";
import { thrownCode } from "../../helpers/thrown";
import { type Flash, TEARINGS, TornStore } from "../../helpers/torn-store";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function started(store = new MemoryStore()) {
  const azure = new RootedAzure();
  const device = azure.boot(store);
  azure.time.advance(MINUTE);
  return { azure, device, store };
}

const roots = (log: readonly string[]) => log.filter((line) => line.startsWith("roots"));

describe("a bundle", () => {
  test("is tried by itself, believed once a connection has stood, and then trusted for DPS too", () => {
    const { azure, device } = started();
    azure.deliver(azure.bundle(1, [azure.root("Old"), azure.root("New")]));
    azure.time.advance(10_000);
    expect(roots(device.log)).toEqual(["roots stored 1"]);
    expect(azure.trusted.at(-1)).toBe("hub Old+New");
    azure.time.advance(MINUTE);
    expect(roots(device.log)).toEqual(["roots stored 1", "roots in-use 1"]);
    expect(azure.reported.at(-1)).toEqual({ counter: 1, offered: 1, state: "in-use", reason: null });
    // The servers move, as announced.
    azure.rootOf.set(HUB, "New").set(DPS, "New");
    azure.drop();
    azure.time.advance(MINUTE);
    device.agent.reprovision();
    azure.time.advance(5 * MINUTE);
    expect(azure.trusted.slice(-2)).toEqual(["dps Old+New", "hub Old+New"]);
    expect(device.errors.map(({ error }) => error.code)).toEqual(["connection-lost"]);
  });

  test("replaces what is trusted: a root that it leaves out is trusted no more", () => {
    const { azure, device } = started();
    azure.rootOf.set(HUB, "New").set(DPS, "New");
    azure.deliver(azure.bundle(1, [azure.root("New")]));
    azure.time.advance(2 * MINUTE);
    expect(roots(device.log)).toEqual(["roots stored 1", "roots in-use 1"]);
    azure.rootOf.set(HUB, "Old");
    azure.drop();
    azure.time.advance(10 * MINUTE);
    expect(new Set(azure.trusted.slice(-5))).toEqual(new Set(["hub New"]));
    expect(device.errors.at(-1)?.error.code).toBe("tls-untrusted");
  });

  test("that nobody can connect under: the device comes back with what it trusted, and gives it up", () => {
    const { azure, device, store } = started();
    azure.deliver(azure.bundle(1, [azure.root("Wrong")]));
    azure.time.advance(2 * MINUTE);
    expect(device.agent.state).toBe("running");
    expect(azure.trusted.slice(-2)).toEqual(["hub Wrong", "hub Old"]);
    azure.time.advance(5 * HOUR);
    expect(azure.trusted.filter((one) => one === "hub Wrong")).toHaveLength(3);
    expect(roots(device.log)).toEqual(["roots stored 1", "roots given-up 1"]);
    expect(azure.reported.at(-1)).toEqual({
      counter: 0,
      offered: 1,
      state: "given-up",
      reason: expect.stringContaining("tls-untrusted"),
    });
    // Not again, after a restart either; one with a higher counter is taken.
    device.agent.stop();
    const again = azure.boot(store);
    azure.time.advance(5 * HOUR);
    expect(azure.trusted.filter((one) => one === "hub Wrong")).toHaveLength(3);
    expect(azure.reported.at(-1)).toMatchObject({
      offered: 1,
      state: "given-up",
      reason: "no connection under them",
    });
    expect(again.errors).toEqual([]);
    azure.deliver(azure.bundle(2, [azure.root("Old")]));
    azure.time.advance(2 * MINUTE);
    expect(roots(again.log)).toEqual(["roots stored 2", "roots in-use 2"]);
  });

  test("outlasts a restart, on trial and in use", () => {
    const { azure, device, store } = started();
    azure.deliver(azure.bundle(5, [azure.root("Old"), azure.root("New")]));
    azure.time.advance(5_000);
    device.agent.stop();
    const again = azure.boot(store);
    azure.time.advance(MINUTE);
    expect(roots(again.log)).toEqual(["roots in-use 5"]);
    again.agent.stop();
    azure.boot(store);
    azure.time.advance(MINUTE);
    expect(azure.trusted.at(-1)).toBe("hub Old+New");
  });

  test.each([
    ["an older counter, replayed", 4],
    ["the same counter with other roots", 5],
  ])("with %s is refused", (_, counter) => {
    const { azure, device } = started();
    azure.deliver(azure.bundle(5, [azure.root("Old"), azure.root("New")]));
    azure.time.advance(2 * MINUTE);
    azure.deliver(azure.bundle(counter, [azure.root("Old")]));
    azure.time.advance(2 * MINUTE);
    expect(device.errors.map(({ error }) => error.code)).toEqual(["roots-refused"]);
    expect(azure.trusted.at(-1)).toBe("hub Old+New");
    expect(azure.reported.at(-1)).toMatchObject({ counter: 5, offered: counter, state: "refused" });
  });

  const azure = new RootedAzure();
  const good = azure.bundle(1, [azure.root("Old"), azure.root("New")]);
  const other = azure.bundle(1, [azure.root("Old")]);
  test.each<readonly [string, unknown, string]>([
    ["signed by somebody else", azure.bundle(1, [azure.root("Evil")], 8), "signature"],
    ["with another's signature", { ...good, signature: other.signature }, "signature"],
    ["with another counter than was signed", { ...good, counter: 2 }, "signature"],
    ["with other roots than were signed", { ...good, roots: other.roots }, "signature"],
    [
      "in another order than was signed",
      { ...good, roots: [...(good.roots as string[])].reverse() },
      "signature",
    ],
    ["without a signature", { ...good, signature: null }, "signature"],
    ["with a long signature", { ...good, signature: "A".repeat(4_000) }, "signature"],
    ["without a counter", { ...good, counter: undefined }, "counter"],
    ["with a counter of 0", { ...good, counter: 0 }, "counter"],
    ["with half a counter", { ...good, counter: 1.5 }, "counter"],
    ["with a counter beyond 32 bits", { ...good, counter: 2 ** 32 }, "counter"],
    ["without roots", { ...good, roots: [] }, "1 to 6"],
    ["with seven roots", { ...good, roots: Array(7).fill("AAAA") }, "1 to 6"],
    ["with a root that is a number", { ...good, roots: [1] }, "base64"],
    ["that is too large", azure.bundle(1, Array(6).fill(new Uint8Array(700))), "bytes of roots"],
    ["of what is no certificate", azure.bundle(1, [new Uint8Array(40)]), "X.509"],
    ["of roots that have ended", azure.bundle(1, [azure.root("Old", -0.5)]), "ended"],
    ["that is a text", "x", "counter"],
    ["that is a list", [good], "counter"],
    ["that is a number", 7, "counter"],
  ])(
    "%s is refused: told to the application and to the service, and nothing is stored",
    (_, value, about) => {
      const { azure: world, device, store } = started();
      world.deliver(value);
      world.time.advance(2 * MINUTE);
      expect(device.errors.map(({ error }) => error.code)).toEqual(["roots-refused"]);
      expect(device.errors[0]?.error.message).toContain(about);
      expect(world.reported).toMatchObject([{ counter: 0, state: "refused" }]);
      expect([...store.values.keys()].filter((key) => key.startsWith("roots"))).toEqual([]);
      expect(device.agent.state).toBe("running");
    },
  );

  test("is refused by a device without a key", () => {
    const world = new RootedAzure();
    const device = world.boot(new MemoryStore(), { publicKey: undefined as never });
    world.time.advance(MINUTE);
    world.deliver(good);
    world.time.advance(MINUTE);
    expect(device.errors.map(({ error }) => error.code)).toEqual(["roots-refused"]);
  });

  test("that is deleted, or another property, changes nothing", () => {
    const { azure: world, device } = started();
    world.deliver(null);
    world.time.advance(MINUTE);
    expect([device.errors, world.reported]).toEqual([[], []]);
  });
});

test.each([["short"], [base64Of(new Uint8Array(65))], [base64Of(new Uint8Array(64).fill(4))]])(
  "%s is no public key",
  (publicKey) => {
    expect(thrownCode(() => new SignedRoots({ publicKey }))).toBe("invalid-argument");
  },
);

describe("a root that ends", () => {
  test("within half a year is told once a day, with its name and the days that are left", () => {
    const azure = new RootedAzure();
    azure.certificates.own = [azure.root("Old", 3_650), azure.root("Soon", 100), azure.root("Gone", -1)];
    const device = azure.boot();
    azure.time.advance(MINUTE);
    expect(device.errors.map(({ error }) => [error.code, error.message])).toEqual([
      ["root-expires", expect.stringContaining("Soon: on 2027-03-03, in 99 days")],
    ]);
    azure.drop();
    azure.time.advance(12 * HOUR);
    azure.drop();
    azure.time.advance(3 * DAY);
    const told = device.errors.filter(({ error }) => error.code === "root-expires");
    expect(told).toHaveLength(4);
    expect(device.agent.state).toBe("running");
  });

  test("of a bundle that is in use counts, and the platform's own do not", () => {
    const { azure, device } = started();
    azure.certificates.own = [azure.root("Old", 100)];
    azure.deliver(azure.bundle(1, [azure.root("Old"), azure.root("New", 30)]));
    azure.time.advance(3 * DAY);
    const about = device.errors.map(({ error }) => error.message).join();
    expect(about).toContain("New: on");
    expect(about).not.toContain("Old: on");
  });
});

/** Every byte of a write is the business of trial-store.test.ts. */
const COARSE = TEARINGS.filter((_, i) => i % 3 === 1 || i === 0);

describe.each(COARSE)("the power goes at any write, where a write is: %s", (_, tearing) => {
  const step = tearing.states(new Uint8Array(100)) > 3 ? 97 : 1;
  test.each([
    ["a good bundle", "Old"],
    ["a bundle that nobody can connect under", "Wrong"],
  ])("of %s: the device connects afterwards", (_name, root) => {
    for (let cut = 0; ; cut += step) {
      const azure = new RootedAzure();
      const flash: Flash = new Map();
      const first = azure.boot(new TornStore(flash, tearing));
      azure.time.advance(MINUTE);
      azure.deliver(azure.bundle(1, [azure.root("Old")]));
      azure.time.advance(MINUTE);
      first.agent.stop();
      azure.time.advance(1);
      const torn = new TornStore(flash, tearing, cut);
      const second = azure.boot(torn);
      azure.time.advance(MINUTE);
      azure.deliver(azure.bundle(2, [azure.root(root), azure.root("Other")]));
      azure.time.advance(4 * HOUR);
      second.agent.stop();
      azure.time.advance(1);
      const third = azure.boot(new TornStore(flash, tearing));
      azure.time.advance(5 * MINUTE);
      expect([cut, third.agent.state]).toEqual([cut, "running"]);
      azure.time.advance(5 * HOUR);
      expect([cut, azure.trusted.at(-1)]).toEqual([cut, root === "Old" ? "hub Old+Other" : "hub Old"]);
      third.agent.stop();
      if (torn.steps <= cut) break;
    }
  });
});
