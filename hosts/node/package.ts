// SPDX-License-Identifier: MIT
/** What the npm package exports: the page of docs/api.md, and beneath it the parts for a host or a life of one's own. */
export { Agent, type AgentHandler, type AgentOptions } from "../../src/agent/agent";
export * from "./berth";
export { default } from "./berth";
export { createNodeHost, type NodeHostOptions } from "./host";
export { loadRoots } from "./roots";
