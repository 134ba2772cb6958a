// SPDX-License-Identifier: MIT
import { Agent, type AgentOptions } from "../../../src/agent/agent";
import { base64 } from "../../../src/base64";
import { CloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import { credentialsOf } from "../../../src/credentials/credential-list";
import { twinWithCredentials } from "../../../src/credentials/credential-twin";
import type { Host } from "../../../src/host";
import { type CredentialSettings, type Emit, encodeError } from "./protocol";
import { text } from "./text";

/** An agent that reports all that happens. @throws BerthError as `Agent` */
export function createAgent(
  host: Host,
  options: AgentOptions,
  emit: Emit,
  settings?: CredentialSettings,
): Agent {
  const credentials = credentialsOf(settings);
  const messages = new CloudToDevice({
    onMessage: ({ payload, properties, offset, byteLength }) =>
      emit({ event: "message", payload: base64(payload, text), properties, offset, byteLength }),
  });
  return new Agent(
    host,
    {
      onState: (state) => emit({ event: "state", state }),
      onAssigned: ({ assignment, substatus, payload }) =>
        emit({ event: "assigned", ...assignment, substatus, payload }),
      onConnected: (report) => emit({ event: "connected", ...report }),
      onAcknowledged: (_message, count) => emit({ event: "acknowledged", count }),
      onCredential: (report) => emit({ event: "credential", ...report }),
      onRoom: () => emit({ event: "room" }),
      onError: ({ phase, error, retryIn }) => emit({ event: "error", phase, ...encodeError(error), retryIn }),
    },
    {
      ...options,
      credentials,
      features: [messages, ...(settings?.rootsKey ? [twinWithCredentials({}, credentials)] : [])],
    },
  );
}
