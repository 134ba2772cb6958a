// SPDX-License-Identifier: MIT
/** Jest runs the TypeScript as ES modules; swc only strips the types, `npm run typecheck` checks them. */
export default {
  testEnvironment: "node",
  testSequencer: "<rootDir>/test/slowest-first.js",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "js", "mjs", "cjs", "json", "node"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" } },
    ],
  },
  // On two cores jest would leave one idle.
  maxWorkers: "100%",
  testTimeout: 60_000,
};
