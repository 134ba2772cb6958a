// SPDX-License-Identifier: MIT
/** Everything of the device that takes bytes of a peer or of flash. */
import { agent } from "./agent";
import { certificate } from "./certificate";
import { cloudToDevice } from "./cloud-to-device";
import { dpsResponse } from "./dps-response";
import { outbox } from "./outbox";
import { provisioner } from "./provisioner";
import { reader } from "./reader";
import { record } from "./record";
import { session } from "./session";
import { sntp } from "./sntp";
import type { Targets } from "./target";
import { textHelpers } from "./text";
import { websocket } from "./websocket";

/** They run on each engine, and must come to the same on each. */
export const deviceTargets: Targets = Object.freeze({
  agent,
  certificate,
  "cloud-to-device": cloudToDevice,
  "dps-response": dpsResponse,
  outbox,
  provisioner,
  reader,
  record,
  session,
  sntp,
  text: textHelpers,
  websocket,
});
