#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The TypeScript sources run as they are: tsx strips the types when a module is loaded.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv);
