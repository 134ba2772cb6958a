// SPDX-License-Identifier: MIT
/**
 * The page that an application programs against: one class, one options object, the same on every platform. Whatever
 * its platform knows by itself (identity from flash, roots, network) its module `berth` adds.
 */
import type { Identity } from "./agent/identity";
import { DirectMethods, type DirectMethodsOptions, type MethodHandlers } from "./azure/hub/direct-methods";
import type { HubFeature } from "./azure/hub/feature";
import type { OnTwin, Twin, TwinOptions } from "./azure/hub/twin";
import type { JsonObject } from "./azure/json";
import { isBound, twinWithCredentials } from "./credentials/credential-twin";
import { invalidArgument } from "./error";
import type { Host } from "./host";
import { listOf, TelemetryDevice, type TelemetryDeviceOptions } from "./telemetry-device";

/** What is told with desired properties. */
export interface DesiredReport {
  readonly version: number;
  /** These are all there are: after the first connection, or when a change was missed. Else only what changed. */
  readonly complete: boolean;
}

/** Options of every platform; all can be left out. Durations are milliseconds. */
export interface DeviceOptions<Self = Device> extends TelemetryDeviceOptions<Self> {
  /** Direct methods by name; commands of IoT Plug and Play, those of a component as `component*command`. */
  readonly methods?: MethodHandlers;
  readonly directMethods?: DirectMethodsOptions;
  /**
   * Desired properties: all of them first, then each change once, in order.
   * @param desired with `$version`; null in a change is a property that was deleted
   */
  onDesired?(this: Self, desired: JsonObject & { readonly $version: number }, report: DesiredReport): void;
  /** The hub has what was reported. @param version of the reported properties */
  onReported?(this: Self, version: number): void;
  /** Limits of the twin. Without this, `onDesired` and `onReported` there is none: `report` and `readTwin` throw. */
  readonly twin?: Pick<TwinOptions, "maximumReported" | "answerTimeout">;
}

export class Device extends TelemetryDevice {
  readonly #twin: Twin | undefined;

  /** @throws BerthError `invalid-argument` naming the option that is wrong; nothing has started then */
  constructor(host: Host, identity: Identity, options: DeviceOptions<never> = {}) {
    const { methods, directMethods, onDesired, onReported, twin: limits } = options as DeviceOptions<Device>;
    const features: HubFeature[] = [];
    if (methods) features.push(new DirectMethods(methods, directMethods));
    const tell = (call: (device: Device) => void): void => {
      // Nothing is told before the constructor has ended.
      if (this) call(this);
    };
    const credentials = listOf(options.credentials, "credentials");
    const twin =
      onDesired || onReported || limits || credentials.some(isBound)
        ? twinWithCredentials(
            {
              ...limits,
              onDesired:
                onDesired &&
                (({ desired, version, complete }) =>
                  tell((device) =>
                    onDesired.call(device, { ...desired, $version: version }, { version, complete }),
                  )),
              onReported: onReported && ((version) => tell((device) => onReported.call(device, version))),
            },
            credentials,
          )
        : undefined;
    if (twin) features.push(twin);
    super(host, identity, { ...options, features: [...features, ...listOf(options.features)] });
    this.#twin = twin;
  }

  /**
   * Reports properties: merged into what waits (the last value wins, null deletes), sent when there is a connection.
   * @returns false when there is no room: nothing of `patch` was taken
   * @throws BerthError `invalid-argument` for what IoT Hub never takes, or a device without a twin; `closed`
   */
  report(patch: JsonObject): boolean {
    this.assertOpen();
    return this.#needTwin().report(patch);
  }

  /**
   * Reads the twin, now or when there is a connection.
   * @param onTwin gets it, or why there is none
   * @returns false when 4 reads wait already
   * @throws BerthError `invalid-argument` for a device without a twin; `closed`
   */
  readTwin(onTwin: OnTwin): boolean {
    this.assertOpen();
    return this.#needTwin().read(onTwin);
  }

  #needTwin(): Twin {
    if (!this.#twin) throw invalidArgument("the device has no twin: give it onDesired, onReported or twin");
    return this.#twin;
  }
}
