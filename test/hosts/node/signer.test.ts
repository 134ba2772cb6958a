// SPDX-License-Identifier: MIT

import { inspect } from "node:util";
import { expect, test } from "@jest/globals";
import { NodeSigner } from "../../../hosts/node/signer";

// The published example of "Symmetric key attestation" (Azure DPS documentation): group key, id, derived key.
const GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const ID = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
const DERIVED = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";

test("it signs as Azure's example has it", () => {
  const signature = new NodeSigner(GROUP_KEY).sign(Buffer.from(ID));
  expect(signature).toHaveLength(32);
  expect(Buffer.from(signature).toString("base64")).toBe(DERIVED);
});

test("white space around the key is dropped", () => {
  const signature = new NodeSigner(` ${GROUP_KEY}\r\n`).sign(Buffer.from(ID));
  expect(Buffer.from(signature).toString("base64")).toBe(DERIVED);
});

test.each([16, 64])("a key of %i bytes is taken", (length) => {
  expect(new NodeSigner(Buffer.alloc(length, 5).toString("base64")).sign(new Uint8Array(0))).toHaveLength(32);
});

test.each<[string, string]>([
  ["an empty key", ""],
  ["a key without its padding", DERIVED.slice(0, -1)],
  ["a key with URL characters", DERIVED.replace("/", "_")],
  ["a key with a blank inside", `${DERIVED.slice(0, 20)} ${DERIVED.slice(20)}`],
  ["a key of 15 bytes", Buffer.alloc(15, 0x5a).toString("base64")],
  ["a key of 65 bytes", Buffer.alloc(65, 0x5a).toString("base64")],
])("%s is refused without being shown", (_what, key) => {
  let message = "";
  try {
    new NodeSigner(key);
  } catch (error) {
    message = String(error);
    expect(error).toMatchObject({ code: "invalid-argument" });
  }
  expect(message).not.toBe("");
  if (key !== "") expect(message).not.toContain(key.slice(0, 12));
});

test("the key cannot be seen from outside", () => {
  const signer = new NodeSigner(GROUP_KEY);
  const shown = inspect(signer, { depth: 10, showHidden: true }) + JSON.stringify(signer);
  expect(shown).not.toContain(GROUP_KEY.slice(0, 8));
  expect(Object.keys(signer)).toEqual([]);
});
