// SPDX-License-Identifier: MIT
/** What must be there before anything is connected: the network, and the clock that TLS and SAS need. */
import { BerthError } from "../error";
import type { Host } from "../host";
import type { Reports } from "./reports";
import { AgentState } from "./state";

/** What is missing is reported this often, milliseconds. */
const REPORT_EVERY = 60_000;

/** The state in which the device waits for what is missing. */
export type Lack = typeof AgentState.WAITING_FOR_NETWORK | typeof AgentState.WAITING_FOR_CLOCK;

export class Prerequisites {
  readonly #host: Host;
  readonly #reports: Reports;
  #reportedAt = 0;

  constructor(host: Host, reports: Reports) {
    this.#host = host;
    this.#reports = reports;
  }

  get lack(): Lack | undefined {
    const { network, clock } = this.#host;
    if (network && !network.isUp()) return AgentState.WAITING_FOR_NETWORK;
    return clock.now() === undefined ? AgentState.WAITING_FOR_CLOCK : undefined;
  }

  /** The wait begins. */
  begin(): void {
    this.#reportedAt = this.#host.clock.ticks();
  }

  /** Reports what is missing when that is due. @param retryIn milliseconds @returns as `Reports.error` */
  remind(lack: Lack, retryIn: number): boolean {
    const now = this.#host.clock.ticks();
    if (now - this.#reportedAt < REPORT_EVERY) return true;
    this.#reportedAt = now;
    return lack === AgentState.WAITING_FOR_CLOCK
      ? this.#reports.error("clock", new BerthError("clock-not-set"), retryIn)
      : this.#reports.error("network", new BerthError("network-down"), retryIn);
  }
}
