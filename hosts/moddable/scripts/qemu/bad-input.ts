// SPDX-License-Identifier: MIT
/**
 * `npm run sim:qemu -- --bad-input`: flash and networks that are wrong, each on an emulated chip. Each has to end in an error
 * that names what is wrong, and where time mends it the chip has to come back.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { DPS_HOST } from "../../../../emulator/certificate-authority";
import { createRootCertificate } from "../../../../emulator/certificates";
import { ChipCloud } from "./chip-cloud";
import { numbersFrom } from "./cuts";
import { placesOf, readParts } from "./flash-image";
import { live, untilAcknowledged } from "./life";
import { HOST_ADDRESS } from "./qemu";
import { type SimulationOptions, writeChip } from "./simulate";

interface Case {
  readonly name: string;
  /** What has to be said. */
  readonly says: RegExp;
  /** Changes the flash. */
  readonly spoil?: (flash: Uint8Array, places: ReturnType<typeof placesOf>, key: string) => void;
  /** Arguments of QEMU beside ours. */
  readonly more?: readonly string[];
  /** The time of the SNTP server until the error was seen; then it is right, and the chip has to connect. */
  readonly time?: number;
  /** A server with another certificate stands where the names lead. */
  readonly stranger?: boolean;
}

/** What the ROM says at each start. */
const START = /^rst:0x/;
const MOST_STARTS = 5;
/** Said here: the SDK's bootloader has no voice. */
export const NEVER_STARTS = "the chip starts over and over without a word of the app: flash a whole image";
const NO_IDENTITY = /^berth: cannot start: invalid-argument: no identity/;
const OUT_OF_BOUNDS = /^berth: error: clock: clock-not-set: .*a time out of bounds/;

const random = numbersFrom(13);

const CASES: readonly Case[] = [
  {
    name: "NVS is full of noise",
    says: NO_IDENTITY,
    spoil: (flash, { nvs }) => {
      for (let at = 0; at < nvs.size; at += 1) flash[nvs.offset + at] = Math.floor(random() * 256);
    },
  },
  {
    name: "a bit of the key has fallen over",
    // NVS sees it by its checksum and forgets the key; the SDK's preference hands it out once all the same.
    // Of some keys the bit makes a character that base64 has not.
    says: /^berth: (error: dps: connack-not-authorized: .* key |cannot start: invalid-argument: (no identity|the symmetric key is not base64))/,
    spoil: (flash, { nvs }, key) => {
      const at = Buffer.from(flash).indexOf(key, nvs.offset);
      flash[at] = (flash[at] ?? 0) ^ 1;
    },
  },
  {
    name: "an identity image for another offset",
    says: NO_IDENTITY,
    spoil: (flash, { nvs }) => {
      flash.copyWithin(nvs.offset + 0x800, nvs.offset, nvs.offset + nvs.size - 0x800);
      flash.fill(0xff, nvs.offset, nvs.offset + 0x800);
    },
  },
  {
    name: "a flash image that was cut short",
    says: new RegExp(NEVER_STARTS),
    spoil: (flash, { app }) => void flash.fill(0xff, app.offset + 0x80000),
  },
  {
    name: "no DHCP",
    says: /^berth: error: network: network-down: .*no address in time/,
    more: ["-nic", "hubport,hubid=7,model=open_eth"],
  },
  { name: "a name that leads to somebody else", says: /^berth: error: dps: tls-/, stranger: true },
  { name: "SNTP tells 1970", says: OUT_OF_BOUNDS, time: 0 },
  { name: "SNTP tells 2099", says: OUT_OF_BOUNDS, time: Date.UTC(2099, 0, 1) },
];

type BadInputOptions = Omit<SimulationOptions, "cuts" | "seed" | "drop" | "identity">;

/** @returns 0 when each case ended as it has to */
export async function tryBadInput(options: BadInputOptions): Promise<number> {
  let failed = 0;
  for (const one of CASES) {
    const wrong = await tryOne(one, options);
    if (wrong !== undefined) failed += 1;
    options.print(wrong === undefined ? `ok      ${one.name}` : `FAILED  ${one.name}: ${wrong}`);
  }
  options.print(`${CASES.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function tryOne(
  { says, spoil, more = [], time, stranger = false }: Case,
  options: BadInputOptions,
): Promise<string | undefined> {
  const { output, program, timeout, print } = options;
  let now = time === undefined ? Date.now : () => time;
  const cloud = await ChipCloud.start({ print: () => {}, time: () => now() });
  const other = stranger ? await startStranger() : undefined;
  try {
    const settings = {
      ...cloud.settings,
      ...other?.settings,
      startSpread: "0",
      telemetryEvery: "1",
    };
    const files = writeChip(options, cloud.identity, settings);
    if (spoil) {
      const flash = new Uint8Array(readFileSync(files.flash));
      spoil(flash, placesOf(readParts(output).table), String(cloud.identity.symmetricKey));
      writeFileSync(files.flash, flash);
    }
    let said = false;
    let starts = 0;
    let last = "";
    let take = (_line: string) => {};
    const onLine = (line: string) => {
      if (line.startsWith("berth: ")) last = line;
      if (START.test(line)) starts += 1;
      take(starts >= MOST_STARTS && last === "" ? NEVER_STARTS : line);
    };
    const end = await live({ ...files, program, more, timeout, onLine }, (done) => {
      take = (line) => {
        if (said || !says.test(line)) return;
        said = true;
        print(`        ${line}`);
        now = Date.now;
        if (time === undefined) done();
        else untilAcknowledged(cloud, 1)(done);
      };
    });
    if (said && end === "done") return undefined;
    return `${end}${said ? " after the error" : ", without the error"}; the last word was "${last}"`;
  } finally {
    other?.close();
    await cloud.stop();
  }
}

/** A server of the right name whose certificate nobody trusts. */
async function startStranger() {
  const { certificatePem, privateKeyPem } = await createRootCertificate({
    commonName: DPS_HOST,
    keyType: "rsa-2048",
  });
  const server = createServer({ cert: certificatePem, key: privateKeyPem });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    settings: { connectTo: `:${HOST_ADDRESS}:${(server.address() as AddressInfo).port}` },
    close: () => server.close(),
  };
}
