// SPDX-License-Identifier: MIT
import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { checkEfuseBlock, checkEfuseChip, efuseKey, efuseSteps } from "../../factory/efuse";
import { hex } from "../helpers/bytes";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

test.each([16, 17, 31, 32])("a key of %i bytes signs the same from the block", (length) => {
  const key = randomBytes(length);
  const block = efuseKey(base64(key));
  expect(block).toHaveLength(32);
  const sign = (with_: Uint8Array) => createHmac("sha256", with_).update("0ne0\n1").digest("hex");
  expect(sign(block)).toBe(sign(key));
});

test("a shorter key of RFC 4231 gives the code of its test case 1", () => {
  // RFC 4231, section 4.2: key 20 bytes 0x0b, data "Hi There".
  const block = efuseKey(base64(new Uint8Array(20).fill(0x0b)));
  expect(block).toEqual(hex(`${"0b".repeat(20)}${"00".repeat(12)}`));
  expect(createHmac("sha256", block).update("Hi There").digest("hex")).toBe(
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
});

test.each([33, 63, 64])("a key of %i bytes does not fit, and is not shown", (length) => {
  const key = base64(randomBytes(length));
  expect(() => efuseKey(key)).toThrow(`the key has ${length} bytes, a KEY block takes 32`);
  expect(() => efuseKey(key)).not.toThrow(key.slice(0, 8));
});

test("chips and blocks that are none are refused", () => {
  expect(checkEfuseChip("esp32c6")).toBe("esp32c6");
  expect(() => checkEfuseChip("esp32")).toThrow("the ESP32 has no HMAC peripheral");
  expect(() => checkEfuseChip("esp32c2")).toThrow("esp32s2, esp32s3, esp32c3, esp32c6");
  expect(["0", "5"].map(checkEfuseBlock)).toEqual([0, 5]);
  for (const block of ["", "6", "-1", "00", "1.0", "x"]) {
    expect(() => checkEfuseBlock(block)).toThrow("0 to 5");
  }
});

test("the steps are the commands of espefuse", () => {
  // "Burn Key" of esptool 5: block, key file, purpose; read and write protection are its default.
  const steps = efuseSteps("esp32s3", 3, "my key.bin");
  expect(steps.map(({ command }) => command)).toEqual([
    "espefuse --chip esp32s3 --port PORT summary",
    "espefuse --chip esp32s3 --port PORT burn-key BLOCK_KEY3 'my key.bin' HMAC_UP",
    "espefuse --chip esp32s3 --port PORT summary",
  ]);
  expect(steps.every(({ command }) => !command.includes("protect"))).toBe(true);
});
