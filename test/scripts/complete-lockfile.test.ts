// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { completePackages } from "../../scripts/complete-lockfile";

test("missing packages of other platforms are added as npm would write them", () => {
  const packages = {
    "": {},
    "node_modules/tool": {
      version: "1.2.3",
      license: "MIT",
      dev: true,
      optionalDependencies: {
        "@tool/cli-darwin-arm64": "1.2.3",
        "@tool/cli-linux-x64": "1.2.3",
        "@tool/cli-linux-x64-musl": "1.2.3",
        "@tool/cli-linux-arm-gnueabihf": "1.2.3",
        "@tool/cli-wasm32-wasi": "1.2.3",
        "@tool/extra": "1.2.3",
        "@tool/cli-win32-x64": "^1.2.3",
      },
    },
    "node_modules/@tool/cli-linux-x64": { version: "1.2.3" },
  };
  expect(completePackages(packages)).toEqual([
    "@tool/cli-darwin-arm64",
    "@tool/cli-linux-x64-musl",
    "@tool/cli-linux-arm-gnueabihf",
    "@tool/cli-wasm32-wasi",
  ]);
  const common = { version: "1.2.3", license: "MIT", dev: true, optional: true };
  expect(packages).toMatchObject({
    "node_modules/@tool/cli-darwin-arm64": { ...common, cpu: ["arm64"], os: ["darwin"] },
    "node_modules/@tool/cli-linux-x64-musl": { ...common, cpu: ["x64"], os: ["linux"], libc: ["musl"] },
    "node_modules/@tool/cli-linux-arm-gnueabihf": { ...common, cpu: ["arm"], os: ["linux"] },
    "node_modules/@tool/cli-wasm32-wasi": { ...common, cpu: ["wasm32"] },
  });
  expect(completePackages(packages)).toEqual([]);
});

test("the project's own lock is complete, so that npm ci accepts it", () => {
  const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
  expect(completePackages(lock.packages)).toEqual([]);
});
