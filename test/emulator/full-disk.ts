// SPDX-License-Identifier: MIT
/**
 * An emulator in a directory whose disk fills up, has room again, and fills up again, for state.test.ts: in a process of its
 * own, for the limit on the size of files is one of the process. Prints what the device and the operator were told.
 */
import { execFileSync } from "node:child_process";
import { HUB, KEY, openHub, provision, startEmulator } from "../helpers/emulator-client";

/** No file can be written beyond so many bytes. */
function limitFiles(bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);
}

const emulator = await startEmulator({ stateDirectory: process.argv[2]! });
const problems: { code: string; message: string }[] = [];
emulator.events.on("problem", (error) =>
  problems.push({ code: (error as NodeJS.ErrnoException).code ?? "", message: error.message }),
);
limitFiles(1);
const refused = await provision(emulator);
for (const id of ["dev-1", "dev-2"])
  emulator.devices.create(HUB, id, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
const device = await openHub(emulator);
await device.subscribe("$iothub/twin/res/#");
async function report(rid: number): Promise<string> {
  await device.publish(`$iothub/twin/PATCH/properties/reported/?$rid=${rid}`, `{"a":${rid}}`);
  return (await device.message()).topic;
}
const full = [await report(1), await report(2)];
const told = [...problems];
const kept = await openHub(emulator, "dev-2", { clean: false });
const unanswered = await kept.subscribe("$iothub/twin/res/#").then(
  () => "answered",
  () => "not answered",
);
limitFiles("unlimited");
const room = [await report(3), (await provision(emulator)).body.status];
limitFiles(1);
await report(4);
const stop = await emulator.stop().catch((error: Error) => error.message);
limitFiles("unlimited");
const { status, body } = refused;
console.log(
  JSON.stringify({
    refused: { status, body },
    full,
    told,
    unanswered,
    room,
    problems: problems.length,
    stop,
  }),
);
process.exit();
