// SPDX-License-Identifier: MIT
import { AGENT_STATE_NAMES, Agent, type AgentOptions } from "../../../src/agent/agent";
import type { Host } from "../../../src/host";
import { shown } from "./text";

/** Makes an agent that reports all that happens, and starts it. @throws BerthError as `Agent` */
export function startAgent(
  host: Host,
  options: AgentOptions,
  emit: (event: string, more: object) => void,
): Agent {
  const agent = new Agent(
    host,
    {
      onState: (state) => emit("state", { state: AGENT_STATE_NAMES[state] }),
      onAssigned: ({ assignment, substatus, payload }) =>
        emit("assigned", { ...assignment, substatus, payload }),
      onConnected: (report) => emit("connected", report),
      onAcknowledged: (_message, count) => emit("acknowledged", { count }),
      onCloudToDevice: ({ payload, properties, byteLength }) =>
        emit("cloudToDevice", { payload: shown(payload), properties, byteLength }),
      onRoom: () => emit("room", {}),
      onError: ({ phase, error, retryIn }) => {
        const { code, message, status, retryAfter, errorCode, trackingId } = error;
        emit("error", { phase, code, message, status, retryAfter, errorCode, trackingId, retryIn });
      },
    },
    options,
  );
  agent.start();
  return agent;
}
