// SPDX-License-Identifier: MIT
/** Where the device is in its life. */
export const AgentState = Object.freeze({
  STOPPED: "stopped",
  WAITING_FOR_NETWORK: "waiting for the network",
  /** TLS and SAS need a set clock. */
  WAITING_FOR_CLOCK: "waiting for the clock",
  /** At DPS. */
  PROVISIONING: "provisioning",
  /** To the hub. */
  CONNECTING: "connecting",
  /** Connected to the hub. */
  RUNNING: "running",
  /** Between two attempts. */
  BACKING_OFF: "backing off",
} as const);

/** In words, for traces as it is. */
export type AgentState = (typeof AgentState)[keyof typeof AgentState];
