// SPDX-License-Identifier: MIT
/** What a device is like: each has options of its own, so that a run meets many. */
import type { DeviceOptions } from "../../src/device";
import type { Random } from "../random";

export class Traits {
  readonly x509: boolean;
  /** DPS gives it a device id that is not its registration id. */
  readonly otherDeviceId: boolean;
  /** Its clock runs on without power. */
  readonly hasBatteryClock: boolean;
  /** Milliseconds between its messages. */
  readonly period: number;
  readonly capacity: number;
  readonly window: number;
  readonly maximumCalls: number;
  readonly options: DeviceOptions<never>;

  constructor(random: Random) {
    this.x509 = random.chance(0.3);
    this.otherDeviceId = random.chance(0.3);
    this.hasBatteryClock = random.chance(0.5);
    this.period = random.spread(20_000, 240_000);
    this.capacity = random.pick([2, 8, 32, 100]);
    this.window = random.pick([1, 3, 8, 16]);
    this.maximumCalls = random.pick([1, 2, 8]);
    const { capacity, window, maximumCalls } = this;
    this.options = {
      outbox: { capacity, bytes: 16_384, whenFull: random.pick(["refuse", "drop-oldest"] as const) },
      hub: {
        window,
        keepAlive: random.pick([30_000, 60_000, 240_000, 1_177_000]),
        tokenLifetime: random.pick([300_000, 1_200_000, 3_600_000]),
        outputSize: random.pick([2_048, 4_096]),
        eager: random.chance(0.3),
      },
      provisioning: { eager: random.chance(0.3) },
      startSpread: random.pick([0, 0, 5_000, 60_000]),
      messages: { redeliveries: random.pick([0, 2]) },
      directMethods: { maximumCalls },
    };
  }
}
