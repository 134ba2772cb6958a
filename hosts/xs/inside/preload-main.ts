// SPDX-License-Identifier: MIT
/** The preload check by itself: the first message names the modules, the answer is the report. */
import type { Ask, XsTools } from "./globals";
import { findMutable, freezeModules } from "./preload";

export default function main(_call: Ask, tools: XsTools): (message: Uint8Array) => Uint8Array {
  return (message) => {
    const { modules, declared } = JSON.parse(new TextDecoder().decode(message)) as {
      modules: string[];
      declared: string[];
    };
    freezeModules(tools, modules);
    return new TextEncoder().encode(JSON.stringify(findMutable(tools, modules, declared)));
  };
}
