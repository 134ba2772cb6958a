// SPDX-License-Identifier: MIT
import { AGENT_STATE_NAMES, Agent, type AgentOptions } from "../../../src/agent/agent";
import { base64 } from "../../../src/azure/base64";
import type { Host } from "../../../src/host";
import { type Emit, encodeError } from "./protocol";
import { text } from "./text";

/** An agent that reports all that happens. @throws BerthError as `Agent` */
export function createAgent(host: Host, options: AgentOptions, emit: Emit): Agent {
  return new Agent(
    host,
    {
      onState: (state) => emit({ event: "state", state: AGENT_STATE_NAMES[state] ?? String(state) }),
      onAssigned: ({ assignment, substatus, payload }) =>
        emit({ event: "assigned", ...assignment, substatus, payload }),
      onConnected: (report) => emit({ event: "connected", ...report }),
      onAcknowledged: (_message, count) => emit({ event: "acknowledged", count }),
      onCloudToDevice: ({ payload, properties, offset, byteLength }) =>
        emit({ event: "cloudToDevice", payload: base64(payload, text), properties, offset, byteLength }),
      onRoom: () => emit({ event: "room" }),
      onError: ({ phase, error, retryIn }) => emit({ event: "error", phase, ...encodeError(error), retryIn }),
    },
    options,
  );
}
