// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../emulator/certificates";
import type { Attestation, Configuration } from "../emulator/configuration";
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import { deriveDeviceKey } from "../src/azure/sas";

/** A device and what it proves itself with: a key, or a certificate with its key. */
export interface FleetMember {
  readonly registrationId: string;
  readonly symmetricKey?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** Devices of one enrollment group, and the emulator's configuration that knows the group. */
export interface Fleet {
  readonly configuration: Configuration;
  readonly members: readonly FleetMember[];
}

/** Makes `count` devices, with fresh random keys. */
export async function makeFleet(count: number, x509: boolean): Promise<Fleet> {
  const ids = Array.from({ length: count }, (_, index) => `device-${index + 1}`);
  const { attestation, members } = x509 ? await byCertificate(ids) : byKey(ids);
  return {
    members,
    configuration: {
      idScope: "0ne00000000",
      iotHubs: [{ name: "hub-1.example" }, { name: "hub-2.example" }],
      enrollments: [],
      enrollmentGroups: [{ enrollmentGroupId: "group-1", attestation }],
    },
  };
}

interface Group {
  readonly attestation: Attestation;
  readonly members: readonly FleetMember[];
}

function byKey(ids: readonly string[]): Group {
  const primaryKey = randomBytes(64).toString("base64");
  const group = new NodeSigner(primaryKey);
  return {
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey } },
    members: ids.map((registrationId) => ({
      registrationId,
      symmetricKey: deriveDeviceKey(registrationId, group, text),
    })),
  };
}

async function byCertificate(ids: readonly string[]): Promise<Group> {
  const keyType = "ec-p256";
  const root = await createRootCertificate({ commonName: "Simulated root", keyType });
  const intermediate = await createIntermediateCertificate(
    { commonName: "Simulated intermediate", keyType },
    root,
  );
  const members: FleetMember[] = [];
  for (const registrationId of ids) {
    const device = await createDeviceCertificate({ commonName: registrationId, keyType }, intermediate);
    members.push({
      registrationId,
      certificate: device.certificatePem + intermediate.certificatePem,
      key: device.privateKeyPem,
    });
  }
  const primary = { certificate: intermediate.certificatePem };
  return { attestation: { type: "x509", x509: { signingCertificates: { primary } } }, members };
}
