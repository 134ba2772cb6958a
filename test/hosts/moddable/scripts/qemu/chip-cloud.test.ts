// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readDeviceIdentity } from "../../../../../hosts/moddable/device-identity";
import { ChipCloud } from "../../../../../hosts/moddable/scripts/qemu/chip-cloud";
import { identityImage } from "../../../../../hosts/moddable/scripts/qemu/identity-image";
import { makeCertificates } from "../../../../../cli/certificates";
import { readIdentity } from "../../../../../hosts/moddable/scripts/identity";
import { readSettings } from "../../../../../firmware/settings";

const NVS = { name: "nvs", type: 1, subtype: 2, offset: 0x9000, size: 0x6000 };

test("the cloud of a chip gives it an identity and settings that the firmware takes, and the factory an image", async () => {
  const rows: string[] = [];
  const cloud = await ChipCloud.start({ print: (row) => rows.push(row) });
  const directory = mkdtempSync(join(tmpdir(), "berth-chip-"));
  try {
    const { identity } = readDeviceIdentity((key) => cloud.identity[key], {});
    expect(identity).toMatchObject({ idScope: "0ne00000000", registrationId: "emulated-chip" });
    const read = readSettings({ preference: (key) => cloud.settings[key], config: {} });
    expect(read.problems).toEqual([]);
    expect(read.settings.connectTo).toBe(`:10.0.2.2:${cloud.emulator.port}`);
    expect(read.settings.sntp).toMatch(/^10\.0\.2\.2:\d+$/);
    const chip = { identity: cloud.identity, settings: cloud.settings };
    const image = identityImage(directory, chip, NVS);
    expect(image.nvs.length).toBe(NVS.size);
    expect(Buffer.from(image.nvs).includes("emulated-chip")).toBe(true);
    expect(image.efuseKey).toBeUndefined();
    const inFuses = identityImage(directory, { ...chip, efuseBlock: 5 }, NVS);
    expect(Buffer.from(inFuses.efuseKey ?? []).toString("base64")).toBe(cloud.identity.symmetricKey);
    expect(Buffer.from(inFuses.nvs).includes(String(cloud.identity.symmetricKey))).toBe(false);
    const wrong = { ...chip, settings: { telemetryEvery: "soon" } };
    expect(() => identityImage(directory, wrong, NVS)).toThrow(
      /the identity was not taken: .*telemetryEvery/,
    );
    cloud.serial("");
    cloud.serial("berth: connecting");
    expect(rows).toEqual([expect.stringMatching(/^ +\d\.\d{3} s {2}berth: connecting$/)]);
  } finally {
    rmSync(directory, { recursive: true });
    await cloud.stop();
  }
});

test.each(["ec-p256", "rsa-2048"] as const)(
  "a certificate with a key %s goes into flash, and after how many messages the chip says so",
  async (keyType) => {
    const directory = mkdtempSync(join(tmpdir(), "berth-chip-"));
    try {
      await makeCertificates({ directory, registrationId: "chip", groupId: "g", days: 1, keyType });
      const file = join(directory, "device.json");
      const names = { certificate: "chip.pem", clientKey: "chip.key.pem", root: "root.pem" };
      writeFileSync(file, JSON.stringify({ idScope: "0ne00000000", registrationId: "chip", ...names }));
      const identity = readIdentity(file);
      const settings = { exitAfter: "10" };
      const nvs = Buffer.from(identityImage(join(directory, "made"), { identity, settings }, NVS).nvs);
      for (const part of ["certificate", "issuer", "clientKey", "root"])
        expect(nvs.includes(`${part}\0`)).toBe(true);
      // An entry: the key 8 bytes from its start, the value 24.
      expect(nvs.readInt32LE(nvs.indexOf("exitAfter\0") + 16)).toBe(10);
      expect(() =>
        identityImage(join(directory, "made"), { identity, settings: { exitAfter: "soon" } }, NVS),
      ).toThrow(/exitAfter/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
