// SPDX-License-Identifier: MIT
/** The preload check: loads modules in XS, freezes them, and says what can still change. */
import type { Engine } from "./engine";
import type { PreloadReport } from "./inside/preload";
import { XsMachine } from "./machine";
import { moduleGraph } from "./modules";
import type { PreloadGraph } from "./preload";

/**
 * @returns with `mutable` empty, modules that can be preloaded
 * @throws XsError when a module throws while it is loaded; XsExited
 */
export async function checkPreload(engine: Engine, graph: PreloadGraph): Promise<PreloadReport> {
  const machine = await XsMachine.start(engine);
  try {
    await machine.add(graph);
    await machine.import(await moduleGraph("hosts/xs/inside/preload-main.ts"));
    const modules = Object.keys(graph.sources);
    const request = JSON.stringify({ modules, declared: graph.declared });
    const { bytes } = await machine.deliver(new TextEncoder().encode(request));
    const report = JSON.parse(new TextDecoder().decode(bytes)) as PreloadReport;
    return { ...report, mutable: [...graph.variables, ...report.mutable] };
  } finally {
    await machine.close();
  }
}
