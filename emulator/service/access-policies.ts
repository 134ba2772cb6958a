// SPDX-License-Identifier: MIT
/**
 * Shared access policies of hubs and of DPS: names, rights and keys.
 * Source: "Control access to IoT Hub using shared access signatures", "Control access to Azure IoT DPS" (Azure documents).
 */
import type { AccessPolicy } from "../configuration";
import type { Right } from "../rights";
import { newSymmetricKey } from "../shared-access-signature";
import type { StoredPolicy } from "../records";
import type { StateStore } from "../state";
import { entityOf } from "./amqp/nodes";

/** The policies that each hub of Azure begins with. */
const HUB_POLICIES: Record<string, readonly Right[]> = {
  iothubowner: ["RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect"],
  service: ["ServiceConnect"],
  device: ["DeviceConnect"],
  registryRead: ["RegistryRead"],
  registryReadWrite: ["RegistryRead", "RegistryWrite"],
};

/** Azure makes the first one; the others have one kind of right each, for programs that ask for no more. */
const DPS_POLICIES: Record<string, readonly Right[]> = {
  provisioningserviceowner: [
    "ServiceConfig",
    "DeviceConnect",
    "EnrollmentRead",
    "EnrollmentWrite",
    "RegistrationStatusRead",
    "RegistrationStatusWrite",
  ],
  enrollmentread: ["EnrollmentRead"],
  enrollmentwrite: ["EnrollmentRead", "EnrollmentWrite"],
  registrationread: ["RegistrationStatusRead"],
  registrationwrite: ["RegistrationStatusRead", "RegistrationStatusWrite"],
};

/** A host that services talk to, with the policies that its configuration names. */
export interface PolicyHost {
  host: string;
  kind: "hub" | "dps";
  configured: readonly AccessPolicy[];
}

/**
 * Brings the stored policies in line: those of the configuration as they stand there, the usual ones with the keys
 * they had, or with new ones.
 */
export function settlePolicies(state: StateStore, hosts: readonly PolicyHost[]): void {
  const settled: StoredPolicy[] = [];
  for (const { host, kind, configured } of hosts) {
    const usual = kind === "hub" ? HUB_POLICIES : DPS_POLICIES;
    const names = new Set([...Object.keys(usual), ...configured.map(({ keyName }) => keyName)]);
    for (const keyName of names) {
      const given = configured.find((policy) => policy.keyName === keyName);
      const old = state.policies.find((policy) => policy.host === host && policy.keyName === keyName);
      settled.push({
        host,
        keyName,
        primaryKey: given?.primaryKey ?? old?.primaryKey ?? newSymmetricKey(),
        secondaryKey: given?.secondaryKey ?? old?.secondaryKey ?? newSymmetricKey(),
        rights: given?.rights ?? [...(usual[keyName] ?? [])],
      });
    }
  }
  state.policies = settled;
}

/** What a service is configured with. */
export function connectionString({ host, keyName, primaryKey }: StoredPolicy): string {
  return `HostName=${host};SharedAccessKeyName=${keyName};SharedAccessKey=${primaryKey}`;
}

/** The port of AMQP that SDKs know. */
const AMQPS_PORT = 5671;

/** What a reader of events is configured with. @param port of AMQP, when it is another than SDKs know */
export function eventsConnectionString(
  { host, keyName, primaryKey }: StoredPolicy,
  port: number = AMQPS_PORT,
): string {
  const place = port === AMQPS_PORT ? host : `${host}:${port}`;
  return `Endpoint=sb://${place}/;SharedAccessKeyName=${keyName};SharedAccessKey=${primaryKey};EntityPath=${entityOf(host)}`;
}
