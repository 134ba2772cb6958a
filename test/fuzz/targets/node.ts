// SPDX-License-Identifier: MIT
/** All targets, with what only Node has to compare them with. */
import { agreesOnBag } from "../oracles/emulator";
import { agreesOnSent, agreesOnStream } from "../oracles/mqtt-packet";
import { agreesOnCertificate, agreesOnText } from "../oracles/node";
import { deviceTargets } from ".";
import { emulatorConfiguration, emulatorFramer, emulatorText } from "./emulator";
import { emulatorPackets, emulatorSession } from "./emulator-mqtt";
import { emulatorQuery } from "./emulator-service";
import type { Target, Targets } from "./target";

/** @param oracle throws when the outcome is not what it would have come to */
function checked(name: string, oracle: (bytes: Uint8Array, outcome: string) => void): Target {
  const target = deviceTargets[name] as Target;
  return {
    ...target,
    run(bytes, text) {
      const outcome = target.run(bytes, text);
      oracle(bytes, outcome);
      return outcome;
    },
  };
}

export const targets: Targets = Object.freeze({
  ...deviceTargets,
  certificate: checked("certificate", agreesOnCertificate),
  "cloud-to-device": checked("cloud-to-device", agreesOnBag),
  "emulator-configuration": emulatorConfiguration,
  "emulator-framer": emulatorFramer,
  "emulator-packets": emulatorPackets,
  "emulator-query": emulatorQuery,
  "emulator-session": emulatorSession,
  "emulator-text": emulatorText,
  reader: checked("reader", agreesOnStream),
  session: checked("session", agreesOnSent),
  text: checked("text", agreesOnText),
});
