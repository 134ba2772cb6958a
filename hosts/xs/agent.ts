// SPDX-License-Identifier: MIT
/** Runs a device's agent inside XS, with Node as its outside world. */
import { type AgentHandler, type AgentOptions, AgentState, type AssignedReport } from "../../src/agent/agent";
import type { Properties } from "../../src/azure/properties";
import { asBerthError, BerthError } from "../../src/error";
import { type Host, openTransport, type TimerHandle, type Transport } from "../../src/host";
import type { Assignment } from "../../src/storage/record";
import type { Engine } from "./engine";
import { XsMachine } from "./machine";
import { type ModuleGraph, moduleGraph } from "./modules";
import {
  type Answer,
  type Call,
  type Delivery,
  type DeviceStatus,
  decodeError,
  decodeMessage,
  encodeError,
  encodeMessage,
} from "./wire";

const ENTRY = "hosts/xs/inside/device.ts";
/** Milliseconds that the machine has to end in order. */
const CLOSE_GRACE = 10_000;

/** The modules of a device. */
export type DeviceModules = ModuleGraph;

/** For `XsAgentOptions`: found and stripped of their types once for many devices. */
export function deviceModules(): Promise<DeviceModules> {
  return moduleGraph(ENTRY);
}

export interface XsAgentOptions {
  /** One line that XS printed: an unhandled rejection for example. */
  readonly onLine?: (line: string) => void;
  /** The machine has ended unasked. Told before the handler's `onError`. */
  readonly onDied?: (error: BerthError) => void;
  /** Ends the machine at once. */
  readonly signal?: AbortSignal | undefined;
  /** By default they are looked up for each agent. */
  readonly modules?: DeviceModules;
}

/** What a delivery says beside the time. */
type Event = Delivery extends infer D ? (D extends Delivery ? Omit<D, "now" | "ticks"> : never) : never;

/**
 * An agent inside XS, with the methods of `Agent`. They return promises, for they cross to another process.
 * Callbacks of the handler come as they do from `Agent`; inside one the methods may be called, not waited for.
 */
export class XsAgent {
  readonly #host: Host;
  readonly #handler: AgentHandler;
  readonly #onDied: XsAgentOptions["onDied"];
  readonly #timers = new Map<number, TimerHandle>();
  readonly #transports = new Map<number, Transport>();
  #machine: XsMachine | undefined;
  #state: AgentState = AgentState.STOPPED;
  #assignment: Assignment | undefined;
  #pending = 0;
  #closed = false;
  /** Computrons of the whole life so far. */
  compute = 0;

  private constructor(host: Host, handler: AgentHandler, onDied: XsAgentOptions["onDied"]) {
    this.#host = host;
    this.#handler = handler;
    this.#onDied = onDied;
  }

  /**
   * @param host of any platform that runs in this process: its transport, signer, store, clock and timers
   * @throws BerthError as `Agent`'s constructor; XsExited when the engine does not start
   */
  static async create(
    engine: Engine,
    host: Host,
    handler: AgentHandler,
    options: AgentOptions,
    { onLine, onDied, modules, signal }: XsAgentOptions = {},
  ): Promise<XsAgent> {
    const agent = new XsAgent(host, handler, onDied);
    const machine = await XsMachine.start(engine, {
      onCommand: (request) => agent.#answer(request),
      // An interrupt from the keyboard is for this process, which then ends the device in order.
      ownGroup: true,
      signal,
      ...(onLine && { onLine }),
    });
    agent.#machine = machine;
    machine.exit.then((reason) => agent.#died(asBerthError(reason)));
    try {
      await machine.import(modules ?? (await deviceModules()));
      const features = {
        signer: host.signer !== undefined,
        network: host.network !== undefined,
        cloudToDevice: handler.onCloudToDevice !== undefined,
      };
      await agent.#deliver({ type: "create", options, features });
    } catch (error) {
      await agent.close();
      throw error;
    }
    return agent;
  }

  get state(): AgentState {
    return this.#state;
  }

  /** The assignment in use, as of the last delivery. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /** Messages that wait to be sent or acknowledged, as of the last delivery. */
  get pending(): number {
    return this.#pending;
  }

  /** Of the process that the machine runs in. */
  get pid(): number | undefined {
    return this.#machine?.pid;
  }

  start(): Promise<void> {
    return this.#deliver({ type: "start" });
  }

  stop(): Promise<void> {
    return this.#deliver({ type: "stop" });
  }

  /** @throws BerthError as `Agent.send` */
  send(payload: Uint8Array, properties?: Properties): Promise<void> {
    return this.#deliver({ type: "send", properties }, payload);
  }

  reprovision(): Promise<void> {
    return this.#deliver({ type: "reprovision" });
  }

  /** @throws BerthError `store-failed` */
  forget(): Promise<void> {
    return this.#deliver({ type: "forget" });
  }

  /** Stops the agent and ends its process. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const grace = setTimeout(() => void this.#machine?.kill(), CLOSE_GRACE);
    if (this.#state !== AgentState.STOPPED) await this.stop().catch(() => {});
    this.#release();
    await this.#machine?.close();
    clearTimeout(grace);
  }

  /** @throws BerthError that the delivery ended in */
  async #deliver(event: Event, bytes?: Uint8Array): Promise<void> {
    if (this.#closed || !this.#machine) throw new BerthError("closed", "the XS machine has ended");
    const { clock } = this.#host;
    const message = encodeMessage({ ...event, now: clock.now(), ticks: clock.ticks() }, bytes);
    let status: DeviceStatus;
    try {
      const reply = await this.#machine.deliver(message);
      this.compute += reply.compute;
      status = decodeMessage<DeviceStatus>(reply.bytes).header;
    } catch (error) {
      this.#died(asBerthError(error));
      throw asBerthError(error);
    }
    this.#pending = status.pending;
    this.#assignment = status.assignment;
    if (status.error) throw decodeError(status.error);
  }

  /** A delivery that nobody waits for. */
  #tell(event: Event): void {
    if (this.#closed) return;
    this.#deliver(event).catch((error: unknown) => {
      // The agent guards its entry points; an error here is one of the worker, which is reported.
      if (!this.#closed) this.#died(asBerthError(error));
    });
  }

  #died(error: BerthError): void {
    if (this.#closed) return;
    this.#release();
    // A machine that broke off is still there.
    void this.#machine?.kill();
    this.#state = AgentState.STOPPED;
    this.#onDied?.(error);
    this.#handler.onState?.(AgentState.STOPPED);
    this.#handler.onError?.({ phase: "hub", error, retryIn: undefined });
  }

  #release(): void {
    this.#closed = true;
    for (const handle of this.#timers.values()) this.#host.timers.clear(handle);
    for (const transport of this.#transports.values()) transport.close();
    this.#timers.clear();
    this.#transports.clear();
  }

  #answer(request: Uint8Array): Uint8Array {
    try {
      const { header, bytes } = decodeMessage<Call>(request);
      return this.#serve(header, bytes);
    } catch (error) {
      return answer({ error: encodeError(asBerthError(error)) });
    }
  }

  #serve(call: Call, bytes: Uint8Array): Uint8Array {
    const host = this.#host;
    switch (call.call) {
      case "sign":
        if (!host.signer) throw new BerthError("invalid-argument", "no signer");
        return answer({}, host.signer.sign(bytes));
      case "random":
        return answer({ number: host.random() });
      case "network":
        return answer({ number: host.network?.isUp() === false ? 0 : 1 });
      case "read": {
        const value = host.store.read(call.key);
        return value ? answer({}, value) : answer({ missing: true });
      }
      case "write":
        host.store.write(call.key, bytes);
        return answer({});
      case "delete":
        host.store.delete(call.key);
        return answer({});
      case "set":
        this.#setTimer(call.timer, call.delay);
        return answer({});
      case "clear":
        host.timers.clear(this.#timers.get(call.timer));
        this.#timers.delete(call.timer);
        return answer({});
      case "open":
        this.#open(call.transport, call.host, call.port);
        return answer({});
      case "receive": {
        const target = new Uint8Array(call.count);
        return answer({}, target.subarray(0, this.#transport(call.transport).read(target)));
      }
      case "transmit":
        return answer({ number: this.#transport(call.transport).write(bytes) });
      case "close":
        this.#transports.get(call.transport)?.close();
        this.#transports.delete(call.transport);
        return answer({});
      default:
        this.#report(call, bytes);
        return answer({});
    }
  }

  #report(call: Call, bytes: Uint8Array): void {
    const handler = this.#handler;
    switch (call.call) {
      case "state":
        this.#state = call.state as AgentState;
        handler.onState?.(this.#state);
        break;
      case "assigned":
        // What was undefined is missing after JSON.
        handler.onAssigned?.({
          substatus: undefined,
          payload: undefined,
          ...(call.report as Partial<AssignedReport>),
        } as AssignedReport);
        break;
      case "connected":
        handler.onConnected?.(call.report);
        break;
      case "acknowledged":
        handler.onAcknowledged?.({ payload: bytes.slice(), bag: call.bag }, call.count);
        break;
      case "cloudToDevice": {
        const { offset, byteLength } = call;
        const properties = Object.assign(
          Object.create(null),
          Object.fromEntries(call.properties),
        ) as Properties;
        handler.onCloudToDevice?.({ properties, payload: bytes, offset, byteLength });
        break;
      }
      case "room":
        handler.onRoom?.();
        break;
      case "error":
        handler.onError?.({ phase: call.phase, error: decodeError(call.error), retryIn: call.retryIn });
        break;
    }
  }

  #setTimer(timer: number, delay: number): void {
    const ring = (): void => {
      this.#timers.delete(timer);
      this.#tell({ type: "timer", timer });
    };
    this.#timers.set(timer, this.#host.timers.set(ring, delay));
  }

  #open(transport: number, host: string, port: number): void {
    const opened = openTransport(this.#host.transport, {
      host,
      port,
      onReadable: (count) => this.#tell({ type: "readable", transport, count }),
      onWritable: (count) => this.#tell({ type: "writable", transport, count }),
      onError: (error) => {
        this.#tell({ type: "failed", transport, error: encodeError(asBerthError(error, "connection-lost")) });
      },
    });
    this.#transports.set(transport, opened);
  }

  #transport(transport: number): Transport {
    const open = this.#transports.get(transport);
    if (!open) throw new BerthError("closed", "the transport was closed");
    return open;
  }
}

function answer(header: Answer, bytes?: Uint8Array): Uint8Array {
  return encodeMessage(header, bytes);
}
