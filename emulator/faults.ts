// SPDX-License-Identifier: MIT
/** A scriptable, seeded fault injector: what goes wrong, for whom, and how often. */

/**
 * Where a fault strikes.
 * `accept`: a TCP connection, before TLS. `tcpSent`, `tcpReceived`: the bytes of TCP, TLS included.
 * `connack`, `suback`, `puback`, `pingresp`: that packet, before it is sent. `register`, `poll`: the DPS response.
 * `twinGet`, `twinReported`: the hub's response; under `status` nothing of what was reported is taken.
 * `issueCertificate`: the hub's last answer to a request for a certificate, behind the 202.
 * `assigned`: just after the response that assigns. `sent`, `received`: the bytes of MQTT inside TLS.
 * Sent and received are seen from the emulator.
 */
export const FAULT_STEPS = [
  "accept",
  "tcpSent",
  "tcpReceived",
  "connack",
  "suback",
  "puback",
  "pingresp",
  "register",
  "poll",
  "twinGet",
  "twinReported",
  "issueCertificate",
  "assigned",
  "sent",
  "received",
] as const;
export type FaultStep = (typeof FAULT_STEPS)[number];

/** What happens. */
export const FAULT_ACTIONS = ["delay", "drop", "close", "reset", "status", "returnCode"] as const;
export type FaultAction = (typeof FAULT_ACTIONS)[number];

/** One rule. The first rule that matches strikes. */
export interface FaultRule {
  step: FaultStep;
  /**
   * `delay`: answer `delayMs` late. `drop`: never answer. `close`: end the connection in place of the answer.
   * `reset`: as `close`, with a TCP RST. `status`: answer with `status`, `retryAfter` and `body`.
   * `returnCode`: a CONNACK with `returnCode`, then the connection ends.
   */
  action: FaultAction;
  /**
   * Only connections of this registration id or device id, ignoring case; every one when absent.
   * Before CONNECT (`accept`, `tcpSent`, `tcpReceived`) nobody is known, and a rule with an `id` never strikes.
   */
  id?: string;
  /** Only `dps` or this hub name; both when absent. Not before CONNECT either. */
  endpoint?: string;
  /** Strikes this often, then never again; for ever when absent. */
  count?: number;
  /** Lets this many matches pass first; none when absent. */
  skip?: number;
  /** Strikes with this probability, 0 to 1, drawn from the seeded generator; always when absent. */
  probability?: number;
  /** Milliseconds, for `delay`. */
  delayMs?: number;
  /** Topic status, 200 to 599, for `status`; 500 when absent. */
  status?: number;
  /** Seconds; adds `&retry-after=` to the topic, for `status`. */
  retryAfter?: number;
  /** The response body, for `status`: a string is sent as it is, anything else as JSON. Azure's error body when absent. */
  body?: unknown;
  /** CONNACK return code, 0 to 255, for `returnCode`; 3 when absent. */
  returnCode?: number;
  /** For the steps that count bytes: strike once this many bytes went that way on the connection. */
  afterBytes?: number;
}

/** Who is being served when a rule is looked up. */
export interface FaultContext {
  id?: string;
  /** `dps` or the hub's name. */
  endpoint?: string;
}

interface ArmedRule {
  id: number;
  rule: FaultRule;
  left: number;
  skip: number;
}

/** Holds the rules. With one seed and one order of events the same faults strike. */
export class FaultInjector {
  #rules: ArmedRule[] = [];
  #nextId = 1;
  #random: () => number;
  /** Called for each fault that strikes. */
  onStrike: (rule: FaultRule, context: FaultContext) => void = () => {};

  /** @param seed any 32-bit number */
  constructor(rules: readonly FaultRule[] = [], seed = 1) {
    this.#random = seededRandom(seed);
    for (const rule of rules) this.add(rule);
  }

  /** Adds a rule behind the others; the returned function removes it. */
  add(rule: FaultRule): () => void {
    const id = this.arm(rule);
    return () => {
      this.disarm(id);
    };
  }

  /** Adds a rule behind the others; returns its id. From then on it says what it plays where that was left open. */
  arm(given: FaultRule): number {
    const id = this.#nextId++;
    const { action } = given;
    const open = action === "status" ? { status: 500 } : action === "returnCode" ? { returnCode: 3 } : {};
    const rule = { ...open, ...given };
    this.#rules.push({ id, rule, left: rule.count ?? Number.POSITIVE_INFINITY, skip: rule.skip ?? 0 });
    return id;
  }

  /** Removes the rule of that id; false when there is none. */
  disarm(id: number): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
    return this.#rules.length < before;
  }

  /** The rules in their order, with how often each will still strike; null for ever. */
  list(): { id: number; rule: FaultRule; left: number | null }[] {
    return this.#rules.map(({ id, rule, left }) => ({ id, rule, left: Number.isFinite(left) ? left : null }));
  }

  /** Removes every rule. */
  clear(): void {
    this.#rules = [];
  }

  /** The rule that strikes at this step, if any; its count goes down. */
  strike(step: FaultStep, context: FaultContext): FaultRule | undefined {
    for (const armed of this.#rules) {
      if (armed.rule.step !== step || armed.left <= 0 || !matches(armed.rule, context)) continue;
      if (armed.skip > 0) {
        armed.skip--;
        continue;
      }
      if (armed.rule.probability !== undefined && this.#random() >= armed.rule.probability) continue;
      armed.left--;
      this.onStrike(armed.rule, context);
      return armed.rule;
    }
    return undefined;
  }
}

function matches(rule: FaultRule, context: FaultContext): boolean {
  if (rule.id !== undefined && rule.id.toLowerCase() !== context.id?.toLowerCase()) return false;
  return rule.endpoint === undefined || rule.endpoint.toLowerCase() === context.endpoint?.toLowerCase();
}

/** Mulberry32: small, seedable, and good enough to pick faults. Numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
