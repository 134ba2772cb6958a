// SPDX-License-Identifier: MIT
import { type DeviceModules, deviceModules, XsAgent } from "../hosts/xs/agent";
import { type Engine, EngineUnavailable, tryEngine } from "../hosts/xs/engine";
import { BerthError } from "../src/error";
import type { DeviceEngine } from "./device-engine";
import { tappedHost } from "./node-engine";

const encoder = new TextEncoder();

/**
 * The device's code inside XS, the engine of the chip, a process each; it is built when it is missing.
 * @param log gets one line when that takes a while, and one when it cannot be built
 * @returns undefined where it cannot be built
 * @throws BerthError `invalid-argument` for that in CI
 */
export async function openXsEngine(log: (line: string) => void): Promise<DeviceEngine | undefined> {
  const engine = await find(log);
  if (!engine) return undefined;
  return xsEngineOf(engine, await deviceModules());
}

/** @param modules of a device */
export function xsEngineOf(engine: Engine, modules: DeviceModules): DeviceEngine {
  return {
    name: "xs",
    title: `XS, ${engine.version}`,
    async start(device, options, handler, timeline, signal) {
      const agent = await XsAgent.create(engine, tappedHost(device, timeline), handler, options, {
        modules,
        signal,
        onLine: (line) => handler.onLine(line),
        onDied: (error) => {
          if (!signal?.aborted) handler.onEnded(error);
        },
      });
      try {
        await agent.start();
      } catch (error) {
        await agent.close();
        throw error;
      }
      return {
        pid: agent.pid,
        send: (payload, properties) => agent.send(encoder.encode(payload), properties),
        stop: () => agent.close(),
      };
    },
  };
}

async function find(log: (line: string) => void): Promise<Engine | undefined> {
  try {
    return await tryEngine(log);
  } catch (error) {
    if (error instanceof EngineUnavailable) throw new BerthError("invalid-argument", error.message);
    throw error;
  }
}
