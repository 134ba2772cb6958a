// SPDX-License-Identifier: MIT
/** What the npm package exports for a device on Node.js. */
export { Agent, type AgentHandler, type AgentOptions } from "../../src/agent/agent";
export { BerthError, type ErrorCode } from "../../src/error";
export { createNodeHost, type NodeHostOptions } from "./host";
export { loadRoots } from "./roots";
