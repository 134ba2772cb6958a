// SPDX-License-Identifier: MIT
/** Certificates that are issued and roots that are delivered, on XS with keys, requests and TLS by mbedTLS, under sanitizers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "@jest/globals";
import { createRootCertificate } from "../../../emulator/certificates";
import { Emulator } from "../../../emulator/emulator";
import { newSigningKey, signRoots } from "../../../factory/root-bundle";
import type { CredentialSettings } from "../../../hosts/native/linux/protocol";
import { parseConnectTo } from "../../../hosts/sockets/connect-to";
import { configuration, HUB, KEY, SCOPE } from "../../helpers/emulator-client";
import { LateClock } from "../../helpers/late-clock";
import { derOf, NativeProcess, withNative } from "../../helpers/native";

const DAY = 86_400_000;
const CLEAN = { status: 0, stderr: "" };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start() {
  const clock = new LateClock();
  const [enrollment] = configuration().enrollments;
  const emulator = await Emulator.start({
    configuration: configuration({ enrollments: [{ ...enrollment!, credentialPolicyName: "default" }] }),
    dps: { immediate: true },
    clock,
  });
  const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  cleanups.push(
    () => emulator.stop(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  const boot = (credentials: CredentialSettings): NativeProcess => {
    const device = new NativeProcess({
      run: "agent",
      credentials,
      host: {
        stateDirectory: join(directory, "state"),
        roots: [derOf(emulator.ca.pem)],
        connectTo: parseConnectTo(`:127.0.0.1:${emulator.port}`),
        symmetricKey: KEY,
        clockOffset: clock.late,
      },
      agent: {
        identity: { idScope: SCOPE, registrationId: "dev-1", attestation: "symmetricKey" },
        backoff: { base: 20, cap: 100 },
        slowBackoff: { base: 20, cap: 100 },
      },
    });
    cleanups.push(() => device.stop());
    return device;
  };
  return { clock, emulator, directory, boot };
}

const states = (device: NativeProcess) => device.of("credential").map(({ state }) => state);

withNative(
  "a certificate: issued for a key of mbedTLS, shown, kept over a restart, renewed by the hub",
  async () => {
    const { clock, emulator, boot } = await start();
    const issued: string[] = [];
    emulator.events.on("certificateIssued", ({ by }) => issued.push(by));
    const first = boot({ issue: true });
    await first.next("connected");
    expect(states(first)).toEqual(["asked", "stored", "in-use"]);
    expect(emulator.devices.get(HUB, "dev-1")?.authentication.type).toBe("issued");
    expect(await first.stop()).toEqual(CLEAN);
    clock.late = 23 * DAY;
    const second = boot({ issue: true });
    await second.next("connected", 1);
    expect(second.of("connected")[0]).toMatchObject({ source: "stored" });
    expect(states(second)).toEqual(["asked", "stored", "in-use"]);
    expect(issued).toEqual(["dps", HUB]);
    second.send("{}");
    await second.next("acknowledged");
    expect(second.of("error")).toEqual([]);
    expect(await second.stop()).toEqual(CLEAN);
  },
);

withNative(
  "roots: a bundle is tried alone; one that nobody can connect under leaves the device where it was; forgery is refused",
  async () => {
    const { emulator, directory, boot } = await start();
    const { privateKeyPem, publicKey } = newSigningKey();
    const write = (name: string, content: string): string => {
      const file = join(directory, name);
      writeFileSync(file, content);
      return file;
    };
    const key = write("key.pem", privateKeyPem);
    const right = write("right.pem", emulator.ca.pem);
    const strange = await createRootCertificate({ commonName: "Strange", keyType: "ec-p256" });
    const wrong = write("wrong.pem", strange.certificatePem);
    const bundle = (files: string[], counter: number) => signRoots(files, key, counter, Date.now()).bundle;
    const device = boot({ issue: false, rootsKey: publicKey });
    await device.next("connected");
    await emulator.updateDesired(HUB, "dev-1", {
      trustedRoots: { ...bundle([right], 1), counter: 2 } as never,
    });
    expect(await device.next("error")).toMatchObject({ code: "roots-refused" });
    await emulator.updateDesired(HUB, "dev-1", { trustedRoots: bundle([wrong], 3) as never });
    expect(await device.next("error", 1)).toMatchObject({ code: "tls-untrusted" });
    await device.next("connected", 1);
    await emulator.updateDesired(HUB, "dev-1", { trustedRoots: bundle([right, wrong], 4) as never });
    await device.next("connected", 2);
    expect(device.of("credential")).toMatchObject([
      { what: "roots", state: "stored", counter: 3 },
      { what: "roots", state: "stored", counter: 4 },
    ]);
    await device.until(() => emulator.counts.connectionsOf(HUB) === 3);
    expect(await device.stop()).toEqual(CLEAN);
  },
);
