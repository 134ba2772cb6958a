// SPDX-License-Identifier: MIT
/** The application on a device, one for each time that it boots: sends, reports, answers, and keeps what it was told. */
import type { Device, DeviceOptions } from "../../src/device";
import type { MethodCall } from "../../src/azure/hub/direct-methods";
import { Random } from "../random";
import type { Flash } from "./flash";
import type { Ledger } from "./ledger";
import type { Trace } from "./trace";
import type { Traits } from "./traits";

/** The device's world, as its application and the checks of it need it. */
export interface Surroundings {
  readonly random: Random;
  readonly traits: Traits;
  readonly ledger: Ledger;
  readonly flash: Flash;
  readonly trace: Trace;
  readonly now: number;
  /** Numbers of messages that were handed over. */
  readonly seen: Set<number>;
  /** The one that runs. */
  readonly application: Application | undefined;
  violate(rule: string, what: string): void;
  later(delay: number, work: () => void): void;
  enter(call: () => void): void;
  excused(): void;
  forgot(): void;
  assigned(hub: string): void;
  connected(): void;
  failed(phase: string, error: { readonly code: string; readonly retriable: boolean }): void;
}

/** Calls of a method as the application sees them. */
interface Call {
  readonly since: number;
  answered: boolean;
}

export class Application {
  /** Desired properties as they were told. */
  readonly desired: Record<string, unknown> = {};
  /** What it last reported, whether or not the hub has it. */
  readonly reported: Record<string, number> = {};
  readonly #unit: Surroundings;
  readonly #random: Random;
  #device: Device | undefined;
  /** A method of the device is running: no callback may come from inside it. */
  #calling = false;
  #closed = false;
  /** All that is reported has to be reported again: the hub may be another. */
  #reportsAll = true;
  #reports = 0;
  readonly #calls: Call[] = [];
  /** Nothing new is begun. */
  isQuiet = false;
  /** Handlers throw now and then. */
  throws = false;

  constructor(unit: Surroundings) {
    this.#unit = unit;
    this.#random = new Random(unit.random.below(2 ** 31));
  }

  /** @param alive whether the device has power */
  callbacks(alive: () => boolean): DeviceOptions<never> {
    const unit = this.#unit;
    /** Each callback is checked, and throws now and then. */
    const told = <Arguments extends unknown[]>(
      name: string,
      work: (...given: Arguments) => void,
      mayThrow = true,
    ): ((...given: Arguments) => void) => {
      return (...given) => {
        if (!alive()) return;
        if (this.#calling) unit.violate("no callback from inside a method", name);
        if (this.#closed) unit.violate("no callback after close", name);
        work(...given);
        if (mayThrow && this.throws && this.#random.chance(0.1)) throw new Error(`${name} throws`);
      };
    };
    const random = this.#random;
    return {
      onState: told("onState", (state: string) => unit.trace.add(unit.now, "state", state)),
      onAssigned: told("onAssigned", ({ assignment }: { assignment: { hub: string } }) => {
        unit.assigned(assignment.hub);
        this.#reportsAll = true;
      }),
      onConnected: told("onConnected", ({ sessionPresent }: { sessionPresent: boolean }) => {
        unit.connected();
        // The hub may have a new twin.
        if (!sessionPresent) this.#reportsAll = true;
        if (this.#reportsAll) this.reportAll();
      }),
      onDisconnected: told("onDisconnected", () => {
        this.#calls.length = 0;
      }),
      onAcknowledged: told("onAcknowledged", () => {
        const wrong = unit.ledger.acknowledge();
        if (wrong) unit.violate("nothing is lost", wrong);
      }),
      onRoom: told("onRoom", () => {
        if (random.chance(0.5)) this.send();
      }),
      onDropped: told("onDropped", (count: number) => unit.ledger.drop(count), false),
      onError: told(
        "onError",
        ({ where, error }: { where: string; error: { code: string; retriable: boolean } }) =>
          unit.failed(where, error),
      ),
      onMessage: told(
        "onMessage",
        ({ properties }: { properties: { readonly [name: string]: string | null } }) => {
          unit.seen.add(Number(properties.number));
        },
      ),
      onDesired: told(
        "onDesired",
        ({ $version, ...desired }: Record<string, unknown>, { complete }: { readonly complete: boolean }) => {
          if (complete) for (const name of Object.keys(this.desired)) delete this.desired[name];
          for (const [name, value] of Object.entries(desired)) {
            if (value === null) delete this.desired[name];
            else this.desired[name] = value;
          }
          this.report();
        },
      ),
      onReported: told("onReported", () => {}),
      methods: {
        echo: (payload: unknown) => {
          this.#called().answered = true;
          return { status: 200, payload };
        },
        later: (_payload: unknown, call: MethodCall) => {
          const own = this.#called();
          unit.later(random.spread(10, 40_000), () => {
            if (!alive()) return;
            own.answered = true;
            this.#call(() => call.answer(200, { late: true }));
            // Once more is no answer.
            this.#call(() => call.answer(201));
          });
        },
        never: () => {
          this.#called();
        },
        broken: () => {
          throw new Error("broken");
        },
      },
    } as DeviceOptions<never>;
  }

  start(device: Device): void {
    this.#device = device;
    const unit = this.#unit;
    const tick = (): void => {
      if (unit.application !== this) return;
      if (!this.isQuiet) this.send();
      if (this.#reportsAll) this.reportAll();
      unit.later(unit.traits.period * (0.5 + this.#random.next()), tick);
    };
    unit.later(this.#random.below(unit.traits.period), tick);
  }

  /** Ends the device: nothing may follow. */
  close(device: Device): void {
    this.#calling = true;
    device.close();
    this.#closed = true;
  }

  send(): void {
    const { ledger } = this.#unit;
    const text = `${ledger.life} ${ledger.next} `;
    const size = this.#random.chance(0.1) ? this.#random.spread(32, 1_500) : 32;
    this.#call((device) => {
      const options = this.#random.chance(0.3)
        ? { properties: { kind: "chaos", n: String(ledger.next) } }
        : undefined;
      if (device.send(text.padEnd(size, "."), options)) ledger.accept();
    });
  }

  report(): void {
    this.#reports += 1;
    const name = `p${this.#random.below(4)}`;
    this.#call((device) => {
      if (device.report({ [name]: this.#reports })) this.reported[name] = this.#reports;
      else this.#reportsAll = true;
    });
  }

  reportAll(): void {
    this.#call((device) => {
      this.#reports += 1;
      const all = { ...this.reported, all: this.#reports };
      if (!device.report(all)) return;
      this.reported.all = this.#reports;
      this.#reportsAll = false;
    });
  }

  /** What was reported may be gone from the hub. */
  reportAllAgain(): void {
    this.#reportsAll = true;
  }

  reprovision(): void {
    this.#unit.excused();
    this.#call((device) => device.reprovision());
  }

  forget(): void {
    const { flash } = this.#unit;
    this.#unit.excused();
    // Where it fails either may be there.
    flash.isDamaged = true;
    this.#call((device) => {
      if (!device.forget()) return;
      this.#unit.forgot();
      this.#reportsAll = true;
    });
  }

  readTwin(): void {
    this.#call((device) => device.readTwin(() => {}));
  }

  #called(): Call {
    const { now, traits } = this.#unit;
    const oldest = now - 300_000;
    const open = this.#calls.filter(({ answered, since }) => !answered && since > oldest);
    if (open.length >= traits.maximumCalls) {
      this.#unit.violate(
        "memory is bounded",
        `${open.length + 1} calls are open, ${traits.maximumCalls} may be`,
      );
    }
    const call = { since: now, answered: false };
    this.#calls.push(call);
    if (this.#calls.length > 100) this.#calls.shift();
    return call;
  }

  /** Calls the device, as an application does: what it throws is a fault. */
  #call(work: (device: Device) => void): void {
    const device = this.#device;
    if (!device || this.#closed || this.#unit.application !== this) return;
    this.#unit.enter(() => {
      const outer = this.#calling;
      this.#calling = true;
      try {
        work(device);
      } finally {
        this.#calling = outer;
      }
    });
  }
}
