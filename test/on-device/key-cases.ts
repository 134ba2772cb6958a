// SPDX-License-Identifier: MIT
/** HMAC by mbedTLS. Key, id and derived key: "Symmetric key attestation", Azure DPS documentation. */
import { createEfuseSigner, createSigner } from "../../hosts/moddable/cryptography";
import TextDecoder from "text/decoder";
import { ModdableText } from "../../hosts/moddable/text";
import { DPS_POLICY, deriveDeviceKey, dpsResource, sasToken } from "../../src/azure/sas";
import { type Case, equal, refused } from "./check";

const GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const REGISTRATION_ID = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
const DERIVED_KEY = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";

const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));

export const keyCases: readonly Case[] = [
  {
    name: "key: the derived key of Azure's example",
    run: () => equal(deriveDeviceKey(REGISTRATION_ID, createSigner(GROUP_KEY), text), DERIVED_KEY),
  },
  {
    name: "key: a token for DPS, twice with one signer",
    run: () => {
      const signer = createSigner(DERIVED_KEY);
      const resource = dpsResource("0ne00000000", REGISTRATION_ID);
      const token = () => sasToken({ resource, expiry: 1_700_003_600, policy: DPS_POLICY }, signer, text);
      const expected =
        "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6" +
        "&sig=gNjkn3R1j5N9USDokt3gtJVTEnXNk2KJLunM5qRuFN8%3D&se=1700003600&skn=registration";
      equal(token(), expected);
      equal(token(), expected);
    },
  },
  {
    name: "key: no base64, too short",
    run: () => {
      refused("invalid-argument", () => createSigner("no base64!"));
      refused("invalid-argument", () => createSigner("c2hvcnQ="));
    },
  },
  {
    name: "key: an eFuse block that does not exist",
    run: () => refused("invalid-argument", () => createEfuseSigner(6)),
  },
];
