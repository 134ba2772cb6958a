// SPDX-License-Identifier: MIT
/**
 * The state on disk: what is taken over, what a damaged file leaves, what a kill leaves. `BERTH_KILLS=500 npm test -- state-store`
 * kills more often.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { seededRandom } from "../../emulator/faults";
import { type DeviceRecord, newTwin } from "../../emulator/records";
import { StateStore } from "../../emulator/state";
import { formatState } from "../../emulator/state-document";
import { decodeRecord, encodeRecord, salvage } from "../../emulator/state-envelope";
import { StateDamaged } from "../../emulator/state-file";
import { KEY } from "../helpers/emulator-client";
import { freshSeed } from "../helpers/seeds";

const HUB = "hub.example";
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-store-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function device(deviceId: string, note = ""): DeviceRecord {
  return {
    deviceId,
    status: "enabled",
    authentication: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
    twin: newTwin({ tags: { note } }),
    queue: [],
  };
}

/** @param size of a tag of each */
async function fill(count: number, size = 100): Promise<void> {
  const store = await StateStore.open(directory);
  for (let index = 0; index < count; index++)
    store.devicesOf(HUB).set(`dev-${index}`, device(`dev-${index}`, "x".repeat(size)));
  await store.close();
}

async function idsOnDisk(): Promise<string[]> {
  return [...(await StateStore.read(directory))!.devicesOf(HUB).keys()].sort();
}

test("each change reaches the disk by itself, in its own record; one in place when it is named", async () => {
  const store = await StateStore.open(directory);
  const [one, two] = [device("one"), device("two")];
  store.devicesOf(HUB).set("one", one).set("two", two);
  store.policies = [{ host: HUB, keyName: "service", primaryKey: KEY, secondaryKey: KEY, rights: [] }];
  await store.settled();
  one.twin.tags = { kept: true };
  store.touched(HUB, one);
  two.twin.tags = { kept: false };
  await store.settled();
  const onDisk = (await StateStore.read(directory))!;
  expect(onDisk.devicesOf(HUB).get("one")!.twin.tags).toEqual({ kept: true });
  expect(onDisk.devicesOf(HUB).get("two")!.twin.tags).toEqual({ note: "" });
  expect(onDisk.policies).toEqual(store.policies);
  store.devicesOf(HUB).delete("one");
  // A change of what is gone brings nothing back.
  store.touched(HUB, one);
  await store.close();
  expect(await idsOnDisk()).toEqual(["two"]);
});

test("what is exported is taken over elsewhere, once, and stays beside it as a copy", async () => {
  await fill(3);
  const document = (await StateStore.read(directory))!.document();
  const other = join(directory, "other");
  mkdirSync(other);
  const file = join(other, "state.json");
  writeFileSync(file, formatState(document));
  // Not taken over yet, it can be read.
  expect((await StateStore.read(other))!.document()).toEqual(document);
  const store = await StateStore.open(other);
  expect(store.document()).toEqual(document);
  expect(store.notices).toEqual([
    `${file} was taken over into ${join(other, "state.mdb")}, and is now ${file}.taken-over`,
  ]);
  await store.close();
  expect(readFileSync(`${file}.taken-over`, "utf8")).toBe(formatState(document));
  expect(existsSync(file)).toBe(false);
  // One that comes beside a state changes nothing, and is told.
  writeFileSync(file, "{}");
  const again = await StateStore.open(other);
  expect(again.document()).toEqual(document);
  expect(again.notices).toEqual([
    `${file} is not read: ${join(other, "state.mdb")} has the state; move one of them away`,
  ]);
  await again.close();
});

test("a kill between the making of the file and its first record loses no state.json", async () => {
  await fill(1);
  const document = (await StateStore.read(directory))!.document();
  const other = join(directory, "other");
  await (await StateStore.open(other)).close();
  writeFileSync(join(other, "state.json"), formatState(document));
  expect((await StateStore.read(other))!.document()).toEqual(document);
  const store = await StateStore.open(other);
  expect(store.document()).toEqual(document);
  await store.close();
});

test("records of another version stop the start, and stay as they are", async () => {
  const { StateFile } = await import("../../emulator/state-file");
  const { file } = await StateFile.open(directory);
  file.write([["version", 2]]);
  await file.close();
  await expect(StateStore.open(directory)).rejects.toThrow(
    `${file.path} (move it away to start without registrations): version is 2, and this emulator reads 1`,
  );
  const { file: again, records } = await StateFile.open(directory);
  expect([...records]).toEqual([["version", 2]]);
  await again.close();
});

describe("a damaged file is set aside, and what can be read is kept", () => {
  const PAGE = 4096;
  const path = () => join(directory, "state.mdb");
  const change = (edit: (bytes: Buffer) => Buffer) => writeFileSync(path(), edit(readFileSync(path())));
  const DAMAGES: [string, (bytes: Buffer) => Buffer, least: number][] = [
    ["empty", () => Buffer.alloc(0), 0],
    ["no such file at all", () => Buffer.from("{}"), 0],
    ["cut within its first page", (bytes) => bytes.subarray(0, 100), 0],
    ["cut in the middle", (bytes) => bytes.subarray(0, (bytes.length >> 1) - 77), 100],
    [
      "without its first two pages",
      (bytes) => Buffer.concat([Buffer.alloc(2 * PAGE), bytes.subarray(2 * PAGE)]),
      300,
    ],
    ["zeroed in the middle", (bytes) => bytes.fill(0, 20 * PAGE, 40 * PAGE), 150],
    [
      "wrong in one bit of a record",
      (bytes) => {
        bytes[bytes.lastIndexOf('"dev-7"') + 2]! ^= 1;
        return bytes;
      },
      299,
    ],
    [
      "noise in the middle",
      (bytes) => {
        for (let at = 20 * PAGE; at < 30 * PAGE; at++) bytes[at] = (at * 7919) >> 3;
        return bytes;
      },
      200,
    ],
  ];

  test.each(DAMAGES)("%s", async (_name, edit, least) => {
    await fill(300);
    change(edit);
    const damaged = readFileSync(path());
    // Where an emulator may be at work nothing is changed.
    if (damaged.length > 0) {
      await expect(StateStore.read(directory)).rejects.toThrow(StateDamaged);
      expect(readFileSync(path())).toEqual(damaged);
    }
    const store = await StateStore.open(directory);
    const kept = [...store.devicesOf(HUB).values()];
    expect(kept.length).toBeGreaterThanOrEqual(least);
    for (const { deviceId, twin } of kept)
      expect([deviceId, twin.tags]).toEqual([expect.stringMatching(/^dev-\d+$/), { note: "x".repeat(100) }]);
    if (damaged.length > 0) {
      expect(store.notices).toEqual([
        expect.stringContaining(`${path()} was damaged and is now ${path()}.damaged; `),
      ]);
      expect(readFileSync(`${path()}.damaged`)).toEqual(damaged);
    }
    // It works as before, and what was kept is on disk.
    store.devicesOf(HUB).set("new", device("new"));
    await store.close();
    expect(await idsOnDisk()).toEqual([...kept.map(({ deviceId }) => deviceId), "new"].sort());
  });

  test("a second one gets a name of its own", async () => {
    for (const name of ["state.mdb.damaged", "state.mdb.damaged-2"]) {
      writeFileSync(path(), "{}");
      const store = await StateStore.open(directory);
      expect(store.notices).toEqual([expect.stringContaining(`is now ${join(directory, name)}; 0 records`)]);
      await store.close();
    }
  });

  test("of two versions of a record the newer one is found, and noise around them is none", () => {
    const bytes = Buffer.concat([
      encodeRecord({ key: "a", sequence: 2, value: "new" }),
      Buffer.from("berth\0\x01\nberth"),
      encodeRecord({ key: "a", sequence: 1, value: "old" }),
      encodeRecord({ key: "b", sequence: 3, value: null }),
      encodeRecord({ key: "c", sequence: 4, value: 4 }).subarray(0, -1),
    ]);
    expect([...salvage(bytes).values()]).toEqual([
      { key: "a", sequence: 2, value: "new" },
      { key: "b", sequence: 3, value: null },
    ]);
  });

  test("a record that differs in any byte, or is cut at any, is none", () => {
    const whole = encodeRecord({ key: "device h/d", sequence: 70_000_000_000, value: { a: ["ü", 1] } });
    expect(decodeRecord(whole)?.value).toEqual({ a: ["ü", 1] });
    for (let at = 0; at < whole.length; at++) {
      const other = Buffer.from(whole);
      other[at]! ^= 0x10;
      expect(decodeRecord(other)).toBeUndefined();
      expect(decodeRecord(whole.subarray(0, at))).toBeUndefined();
    }
  });
});

/** A process that writes the state of `directory`, and says on standard output what is on disk. */
function startWriter(): { child: ChildProcess; lines: AsyncIterator<string> } {
  const program = fileURLToPath(new URL("./state-writer.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, lines: createInterface(child.stdout!)[Symbol.asyncIterator]() };
}

test("what was answered is there after a kill at any moment", async () => {
  const kills = Number(process.env.BERTH_KILLS ?? 5);
  const random = seededRandom(freshSeed);
  const answered = new Map<string, number>();
  for (let kill = 0; kill < kills; kill++) {
    const { child, lines } = startWriter();
    const exit = once(child, "exit");
    const upTo = 1 + Math.floor(random() * 400);
    for (let count = 0; ; count++) {
      const { value, done } = await lines.next();
      if (done) break;
      const [id, version] = (value as string).split(" ");
      answered.set(id!, Number(version));
      if (count === upTo) child.kill("SIGKILL");
    }
    await exit;
    const devices = (await StateStore.read(directory))!.devicesOf(HUB);
    for (const [id, version] of answered) {
      const { twin } = devices.get(id)!;
      // What was not answered may be there as well.
      expect(twin.reportedVersion).toBeGreaterThanOrEqual(version);
      expect(twin.reported).toEqual({
        version: twin.reportedVersion,
        padding: "y".repeat(twin.reportedVersion % 5000),
      });
    }
  }
  expect(answered.size).toBeGreaterThan(0);
  expect(readdirSync(directory).sort()).toEqual(["state.mdb", "state.mdb-lock"]);
});
