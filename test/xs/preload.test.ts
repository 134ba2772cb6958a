// SPDX-License-Identifier: MIT
/** Modules that a manifest preloads are frozen into ROM: no module of the device may keep state of its own. */
import { expect } from "@jest/globals";
import { modulesBelow, preloadGraph, preloadSingle } from "../../hosts/xs/preload";
import { checkPreload } from "../../hosts/xs/preload-check";
import { engine, withEngine, withEngineEach } from "../helpers/xs";

/** These import modules of the Moddable SDK, which are not here, or are not preloaded (berth/board). */
const NEEDS_THE_SDK = [
  "hosts/moddable/berth.ts",
  "hosts/moddable/board.ts",
  "hosts/moddable/certificates.ts",
  "hosts/moddable/cryptography.ts",
  "hosts/moddable/flash-board.ts",
  "hosts/moddable/flash-simulator.ts",
  "hosts/moddable/host.ts",
  "hosts/moddable/outbox.ts",
  "hosts/moddable/platform/board.ts",
  "hosts/moddable/public/berth.ts",
  "hosts/moddable/public/board.ts",
  "hosts/moddable/public/certificates.ts",
  "hosts/moddable/public/outbox.ts",
  "hosts/moddable/public/proxy.ts",
  "hosts/moddable/public/telemetry.ts",
  "hosts/moddable/public/transports.ts",
  "hosts/moddable/sources.ts",
  "hosts/moddable/telemetry.ts",
];
/** berth-native, what builds, and apps of the emulated chip: no parts of an image. */
const OFF_THE_DEVICE = [
  "hosts/native/linux/",
  "hosts/native/scripts/",
  "hosts/moddable/scripts/",
  "hosts/moddable/qemu/",
];

withEngine("every module of the device that can load here can be frozen", async () => {
  const files = ["src", "hosts/sockets", "hosts/native", "hosts/moddable"]
    .flatMap(modulesBelow)
    .filter(
      (file) => !NEEDS_THE_SDK.includes(file) && !OFF_THE_DEVICE.some((folder) => file.startsWith(folder)),
    );
  const report = await checkPreload(await engine(), await preloadGraph(files));
  expect(report.mutable).toEqual([]);
  expect(report.modules).toBeGreaterThanOrEqual(files.length);
});

withEngineEach([
  ["a counter", "let count = 0; export function next() { return ++count; }", "count"],
  ["a counter that is exported", "export let count = 0;", "count"],
  [
    "a map that only a function sees",
    "const cache = new Map(); export function at(k) { return cache.get(k); }",
    "cache[[MapData]]",
  ],
  [
    "a private static field",
    "export class Pool { static #free = []; static take() { return Pool.#free; } }",
    "#free",
  ],
  [
    "a private field of a single object",
    "class Bus { #listeners = 0; add() { this.#listeners++; } } export const bus = new Bus();",
    "bus.#listeners",
  ],
  ["bytes", "export const scratch = new Uint8Array(16);", "scratch"],
  [
    "what a closure keeps",
    "function make() { let n = 0; return () => n++; } const tick = make(); export function now() { return tick(); }",
    "n",
  ],
  ["a date", "export const boot = new Date(0);", "boot"],
])("%s in a module is found", async (_, source, where) => {
  const report = await checkPreload(await engine(), preloadSingle("planted", source));
  expect(report.mutable.join("\n")).toContain(where);
});

withEngineEach([
  [
    "constants, functions and classes",
    "const A = 1; class B { #p = 1; get p() { return this.#p + A; } } export function make() { return new B(); }",
  ],
  ["tables that are not frozen, for the linker freezes them", "export const table = [1, { a: [2] }];"],
])("%s pass", async (_, source) => {
  expect(await checkPreload(await engine(), preloadSingle("fine", source))).toEqual({
    modules: 1,
    mutable: [],
  });
});
