// SPDX-License-Identifier: MIT
/** A row of the table of devices as what goes into the device. */
import { IDENTITY_DOMAIN, IDENTITY_KEYS, readDeviceIdentity } from "../hosts/moddable/device-identity";
import { SETTINGS_DOMAIN } from "../hosts/moddable/settings";
import { checkIdScope, checkRegistrationId } from "../src/azure/identifiers";
import { Cells } from "./cells";
import { checkRoot, onlyCertificateOf } from "./certificates";
import type { TableProblem, TableRow } from "./device-table";
import { checkEfuseBlock } from "./efuse";
import { stemOf } from "./file-stem";
import { checkNamespaces, type NvsNamespace, type NvsValue, preferenceOf } from "./nvs-values";
import { type ProofSources, proofOf } from "./proof";
import { reasonOf } from "./reason";
import { SETTING_COLUMNS, settingValue } from "./setting-values";

/** Every column that a table of devices may have. */
export const DEVICE_COLUMNS: readonly string[] = [...Object.values(IDENTITY_KEYS), ...SETTING_COLUMNS];

/** What a table need not say. */
export interface DeviceDefaults extends ProofSources {
  /** For rows without one. */
  readonly idScope: string | undefined;
  /** Directory that paths in the table start from. */
  readonly base: string;
}

/** A device as the factory makes it. */
export interface FactoryDevice {
  readonly line: number;
  readonly registrationId: string;
  /** Its files are named so. */
  readonly stem: string;
  readonly attestation: "symmetricKey" | "x509";
  /** Files that its row names, complete. */
  readonly reads: readonly string[];
  /** What goes into NVS. */
  readonly namespaces: readonly NvsNamespace[];
  /** The KEY block of eFuse with its symmetric key, and the bytes to burn where the key is known. */
  readonly efuse: { readonly block: number; readonly key: Uint8Array | undefined } | undefined;
  /** Tells its secret from that of another device, where two could have the same. */
  readonly secret: string | undefined;
}

/** @returns the device, or undefined with every problem of the row */
export function readDevice(
  row: TableRow,
  defaults: DeviceDefaults,
): {
  readonly device: FactoryDevice | undefined;
  readonly problems: readonly TableProblem[];
  readonly warnings: readonly TableProblem[];
} {
  const cells = new Cells(row, defaults.base);
  const registrationId = registrationIdOf(cells);
  const idScope = idScopeOf(cells, defaults.idScope);
  const block = efuseBlockOf(cells);
  const proof = registrationId === undefined ? undefined : proofOf(cells, registrationId, block, defaults);
  const root = rootOf(cells, defaults.now);
  const settings = settingsOf(cells);
  const { problems, warnings } = cells;
  if (problems.length > 0 || registrationId === undefined || idScope === undefined || proof === undefined)
    return { device: undefined, problems, warnings };
  const identity: NvsValue[] = [
    { key: IDENTITY_KEYS.idScope, type: "string", value: idScope },
    { key: IDENTITY_KEYS.registrationId, type: "string", value: registrationId },
    ...proof.values,
    ...root,
  ];
  if (block !== undefined) identity.push({ key: IDENTITY_KEYS.efuseBlock, type: "i32", value: block });
  const namespaces: NvsNamespace[] = [{ name: IDENTITY_DOMAIN, values: identity }];
  if (settings.length > 0) namespaces.push({ name: SETTINGS_DOMAIN, values: settings });
  try {
    checkNamespaces(namespaces);
    // The firmware's own reader has the last word.
    judgeByFirmware(identity);
  } catch (error) {
    cells.refuse(reasonOf(error));
    return { device: undefined, problems, warnings };
  }
  const { line } = row;
  const { attestation, secret } = proof;
  const efuse = block === undefined ? undefined : { block, key: proof.efuseKey };
  const stem = stemOf(registrationId);
  return {
    device: { line, registrationId, stem, attestation, reads: cells.files, namespaces, efuse, secret },
    problems,
    warnings,
  };
}

function judgeByFirmware(identity: readonly NvsValue[]): void {
  const values = new Map(identity.map((value) => [value.key, preferenceOf(value)]));
  readDeviceIdentity((key) => values.get(key), {});
}

function registrationIdOf(cells: Cells): string | undefined {
  const id = cells.word(IDENTITY_KEYS.registrationId);
  if (id === undefined) return cells.refuse("it is empty", IDENTITY_KEYS.registrationId);
  return cells.attempt(IDENTITY_KEYS.registrationId, () => checkRegistrationId(id));
}

function idScopeOf(cells: Cells, fallback: string | undefined): string | undefined {
  const idScope = cells.word(IDENTITY_KEYS.idScope) ?? fallback;
  if (idScope === undefined)
    return cells.refuse("it is empty; fill it, or give --id-scope", IDENTITY_KEYS.idScope);
  return cells.attempt(IDENTITY_KEYS.idScope, () => checkIdScope(idScope));
}

function efuseBlockOf(cells: Cells): number | undefined {
  const block = cells.word(IDENTITY_KEYS.efuseBlock);
  return block === undefined
    ? undefined
    : cells.attempt(IDENTITY_KEYS.efuseBlock, () => checkEfuseBlock(block));
}

function rootOf(cells: Cells, now: number): readonly NvsValue[] {
  const file = cells.file(IDENTITY_KEYS.root);
  if (file === undefined) return [];
  const root = cells.attempt(IDENTITY_KEYS.root, () => {
    const certificate = onlyCertificateOf(file);
    checkRoot(certificate, now);
    return certificate.raw;
  });
  return root ? [{ key: IDENTITY_KEYS.root, type: "blob", value: root }] : [];
}

function settingsOf(cells: Cells): readonly NvsValue[] {
  // The firmware takes both from flash, or both from the image.
  if (cells.text("ssid") === undefined && cells.text("password") !== undefined)
    cells.refuse("it is empty, but there is a password; fill both", "ssid");
  if (cells.text("ssid") !== undefined && cells.text("password") === undefined)
    cells.warn("an open network; with a password in the image the device will not start", "ssid");
  return SETTING_COLUMNS.flatMap((key) => {
    const cell = cells.text(key);
    const value = cell === undefined ? undefined : cells.attempt(key, () => settingValue(key, cell));
    return value ? [value] : [];
  });
}
