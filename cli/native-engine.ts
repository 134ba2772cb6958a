// SPDX-License-Identifier: MIT
import { decodeError, type NativeEvent, type Settings } from "../hosts/native/linux/protocol";
import { buildNative, NativeUnavailable } from "../hosts/native/scripts/build";
import type { Tap } from "../hosts/transport-tap";
import type { Properties } from "../src/azure/properties";
import { asBerthError, BerthError, type ErrorCode } from "../src/error";
import type { DeviceEngine, EngineDevice, EngineHandler } from "./device-engine";
import { type NativeEnd, NativeProcess } from "./native-process";
import { nativeSettings } from "./native-settings";
import type { Timeline } from "./timeline";

/** Milliseconds that the program has to end in order; nothing blocks it, but a sanitizer looks for leaks at the end. */
const CLOSE_GRACE = 2_000;
const SANITIZED_GRACE = 10_000;
/** Milliseconds that it has to say what it waits for: while it looks up a name it hears nothing. */
const ANSWER_GRACE = 500;

/** Set to 1: built with AddressSanitizer and UndefinedBehaviorSanitizer; what they find ends the device in an error. */
export const SANITIZE_VARIABLE = "BERTH_SANITIZE";

/**
 * The device's code in XS with sockets, TLS and HMAC in C, a process each; it is built when it is missing or older
 * than its sources.
 * @param log gets one line when that takes a while
 * @throws BerthError `invalid-argument` that says what to install where it cannot be built
 */
export async function openNativeEngine(log: (line: string) => void): Promise<DeviceEngine> {
  const sanitize = process.env[SANITIZE_VARIABLE] === "1";
  const { host } = await build(sanitize, log);
  return nativeEngineOf(host, sanitize ? SANITIZED_GRACE : CLOSE_GRACE);
}

/** @param program berth-native @param grace milliseconds that a device has to end in order */
export function nativeEngineOf(program: string, grace = CLOSE_GRACE): DeviceEngine {
  return {
    name: "native",
    title: "XS with sockets, TLS and HMAC in C (mbedTLS)",
    async start(device, options, handler, timeline, signal) {
      const settings = nativeSettings(device, options, timeline !== undefined);
      const agent = new NativeAgent(program, settings, handler, timeline, grace);
      const kill = () => agent.kill();
      signal?.addEventListener("abort", kill, { once: true });
      await agent.ready.finally(() => signal?.removeEventListener("abort", kill));
      return agent;
    },
  };
}

async function build(sanitize: boolean, log: (line: string) => void): ReturnType<typeof buildNative> {
  try {
    return await buildNative({ only: "host", sanitize, notice: log });
  } catch (error) {
    if (error instanceof NativeUnavailable) throw new BerthError("invalid-argument", error.message);
    throw error;
  }
}

interface Waiting {
  resolve(): void;
  reject(error: BerthError): void;
}

class NativeAgent implements EngineDevice {
  /** Resolves when the program has taken its settings. @throws BerthError as `DeviceEngine.start` */
  readonly ready: Promise<void>;
  readonly #handler: EngineHandler;
  readonly #timeline: Timeline | undefined;
  readonly #process: NativeProcess;
  readonly #grace: number;
  readonly #taps = new Map<number, Tap>();
  /** What waits for an answer: the settings as number 0, then messages. */
  readonly #waiting = new Map<number, Waiting>();
  #messages = 0;
  #tellAwaited: ((code: ErrorCode | undefined) => void) | undefined;
  #closing = false;
  #ended: BerthError | undefined;
  /** Resolves when all is over; it does not reject. */
  readonly #end: Promise<void>;

  constructor(
    program: string,
    settings: Settings,
    handler: EngineHandler,
    timeline: Timeline | undefined,
    grace: number,
  ) {
    this.#handler = handler;
    this.#timeline = timeline;
    this.#grace = grace;
    this.ready = this.#answered(0);
    this.#process = new NativeProcess(program, settings, {
      onEvent: (event) => this.#take(event),
      onLine: (line) => handler.onLine(line),
    });
    this.#end = this.#process.end.then(
      (end) => this.#over(end),
      (error) => this.#died(asBerthError(error)),
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async send(payload: string, properties: Properties): Promise<void> {
    if (this.#ended) throw this.#ended;
    this.#messages += 1;
    const id = this.#messages;
    this.#process.tell({ command: "send", payload, properties, id });
    await this.#answered(id);
  }

  awaited(): Promise<ErrorCode | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ANSWER_GRACE);
      this.#tellAwaited = (code) => {
        clearTimeout(timer);
        resolve(code);
      };
      this.#process.tell({ command: "tellAwaited" });
    });
  }

  async stop(): Promise<void> {
    this.#closing = true;
    // Its end is reported by `#end`, however.
    await this.#process.close(this.#grace).catch(() => undefined);
    await this.#end;
  }

  /** Ends the process at once. */
  kill(): void {
    this.#process.kill();
  }

  #answered(id: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(event: NativeEvent): void {
    const handler = this.#handler;
    switch (event.event) {
      case "ready":
        this.#settle(0);
        break;
      case "kept":
        handler.onKept?.(event.count);
        break;
      case "accepted":
        this.#settle(event.id);
        break;
      case "refused":
        this.#settle(event.id ?? 0, decodeError(event));
        break;
      case "secure":
        handler.onSecure(event.version, event.suite, event.resumed);
        break;
      case "state":
        handler.onState(event.state);
        break;
      case "assigned": {
        const { event: _name, substatus, payload, ...assignment } = event;
        handler.onAssigned({ assignment, substatus, payload });
        break;
      }
      case "connected":
        handler.onConnected(event);
        break;
      case "acknowledged":
        handler.onAcknowledged();
        break;
      case "message":
        handler.onMessage({ ...event, payload: Buffer.from(event.payload, "base64") });
        break;
      case "credential": {
        const { event: _name, ...report } = event;
        handler.onCredential(report);
        break;
      }
      case "room":
        handler.onRoom();
        break;
      case "error":
        handler.onError({ phase: event.phase, error: decodeError(event), retryIn: event.retryIn });
        break;
      case "awaited":
        this.#tellAwaited?.(event.code);
        break;
      case "opened":
        if (this.#timeline) this.#taps.set(event.connection, this.#timeline.connection(event.peer));
        break;
      case "sent":
      case "received":
        this.#taps.get(event.connection)?.[event.event](Buffer.from(event.bytes, "base64"));
        break;
      default:
    }
  }

  #settle(id: number, error?: BerthError): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!error) waiting?.resolve();
    else if (waiting) waiting.reject(error);
    // The start itself failed, after the settings were taken.
    else this.#died(error);
  }

  #over({ status, signal }: NativeEnd): void {
    if (this.#closing && status === 0) this.#broken(new BerthError("closed", "the device was stopped"));
    else this.#died(new BerthError("internal", `berth-native ended: ${signal ?? `exit status ${status}`}`));
  }

  #died(error: BerthError): void {
    if (this.#ended) return;
    const started = !this.#waiting.has(0);
    this.#broken(error);
    // Before that the start fails.
    if (started) this.#handler.onEnded(error);
  }

  #broken(error: BerthError): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
