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
  testTimeout: 30_000,
};
