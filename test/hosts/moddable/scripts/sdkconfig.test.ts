// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { APPS } from "../../../../hosts/moddable/scripts/build";
import { mergeSdkconfig, sdkconfigOf, settingsNotIn } from "../../../../hosts/moddable/scripts/sdkconfig";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  // As in the SDK: what a board sets without the debugger stands in a file of its own.
  folder("board", {
    "sdkconfig.defaults": "CONFIG_SPIRAM=y\nCONFIG_ESP_TASK_WDT_TIMEOUT_S=10",
    "sdkconfig.defaults.release": "CONFIG_ESP_TASK_WDT_EN=n\n",
  });
  folder("app", {
    "sdkconfig.defaults":
      "# why\nCONFIG_ESP_TASK_WDT_EN=y\nCONFIG_ESP_TASK_WDT_TIMEOUT_S=60\nCONFIG_MBEDTLS_DYNAMIC_BUFFER=n\n",
  });
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (...names: string[]) => join(directory, ...names);

function folder(name: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(at(name));
  for (const [file, text] of Object.entries(files)) writeFileSync(at(name, file), text);
}

/** As mcconfig goes through the files: the last one holds. */
function holding(...files: string[]): Map<string, string | undefined> {
  const lines = files.flatMap((file) => readFileSync(at("both", file), "utf8").split(/[\r\n]+/));
  const settings = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(settings.map((line) => [line.split("=")[0] ?? "", line.split("=")[1]]));
}

test("the board's settings hold beside the app's, which go first, in every kind of build", () => {
  mergeSdkconfig(at("board"), at("app"), at("both"));
  const always = ["sdkconfig.defaults"];
  const release = [...always, "sdkconfig.defaults.release"];
  for (const files of [always, release, [...release, "sdkconfig.inst"]]) {
    expect(Object.fromEntries(holding(...files))).toEqual({
      CONFIG_SPIRAM: "y",
      CONFIG_ESP_TASK_WDT_EN: "y",
      CONFIG_ESP_TASK_WDT_TIMEOUT_S: "60",
      CONFIG_MBEDTLS_DYNAMIC_BUFFER: "n",
    });
  }
});

test("a setting of the app that was dropped, or changed, is named", () => {
  const kept = "CONFIG_ESP_TASK_WDT_EN=y\nCONFIG_ESP_TASK_WDT_TIMEOUT_S=60\nCONFIG_MBEDTLS_DYNAMIC_BUFFER=\n";
  expect(settingsNotIn(at("app"), kept)).toEqual([]);
  expect(settingsNotIn(at("app"), kept.replace("=60", "=10").replace("EN=y", "EN="))).toEqual([
    "CONFIG_ESP_TASK_WDT_EN=y",
    "CONFIG_ESP_TASK_WDT_TIMEOUT_S=60",
  ]);
  // What is not there is off, or at a default that nobody has looked at.
  expect(settingsNotIn(at("app"), "CONFIG_ESP_TASK_WDT_EN=y\n")).toEqual([
    "CONFIG_ESP_TASK_WDT_TIMEOUT_S=60",
  ]);
});

test("the makefile says which folder mcconfig took", () => {
  expect(
    sdkconfigOf("X = 1\nSDKCONFIGPATH = /sdk/my\\ boards/x/sdkconfig\nSDKCONFIGPATH ?= $(PROJ_DIR)\n"),
  ).toBe("/sdk/my boards/x/sdkconfig");
  expect(sdkconfigOf("X = 1\n")).toBeUndefined();
});

const project = new URL("../../../../", import.meta.url);
const manifest = (file: string) => JSON.parse(readFileSync(new URL(file, project), "utf8"));

test("what a board sets for its C is left to it", () => {
  const { build } = manifest("hosts/native/manifest_mbedtls.json").platforms.esp32;
  // The SDK's m5stack_fire sets it; mcconfig takes one value of all.
  expect(Object.keys(build)).not.toContain("C_FLAGS_SUBPLATFORM");
});

const withSdk = process.env.MODDABLE ? test : test.skip;

withSdk.each(Object.values(APPS))(
  "BERTH_SDKCONFIG reaches %s, on a board with settings of its own too",
  (app) => {
    for (const board of ["nodemcu", "wt32_eth01"]) {
      const output = at(board);
      mkdirSync(output);
      const { status } = spawnSync(
        join(process.env.MODDABLE ?? "", "build/bin/lin/release/mcconfig"),
        ["-p", `esp32/${board}`, "-t", "build", "-o", output, "manifest.json"],
        { cwd: new URL(`${app}/`, project), env: { ...process.env, BERTH_SDKCONFIG: at("both") } },
      );
      expect(status).toBe(0);
      const makefile = join(output, "tmp", "esp32", board, "release", basename(app), "makefile");
      expect(sdkconfigOf(readFileSync(makefile, "utf8"))).toBe(at("both"));
    }
  },
);
