// SPDX-License-Identifier: MIT
/** Alerts and application data before the handshake is over: RFC 5246 sections 7.2.1 and 7.4.9. */
import type { HostileCase } from "../helpers/hostile-case";
import { alert, applicationRecord, CLOSE_NOTIFY } from "../helpers/hostile-tls-records";
import { finish, flight, refusedAtFinish, refusedAtOnce } from "./refusals";

const WELCOME = applicationRecord("welcome");

/** moddable-sdk.md section 8, hole 3. */
export const clearTextCases: readonly HostileCase[] = [
  refusedAtOnce("close_notify in clear in answer to ClientHello", { flight: () => [CLOSE_NOTIFY] }),
  refusedAtOnce(
    "close_notify in clear after ServerHello",
    flight(({ hello }) => [hello, CLOSE_NOTIFY]),
  ),
  refusedAtOnce(
    "close_notify in clear within the flight",
    flight(({ hello, certificate, exchange, done }) => [hello, certificate, CLOSE_NOTIFY, exchange, done]),
  ),
  refusedAtFinish(
    "close_notify in clear in place of Finished",
    finish(() => [CLOSE_NOTIFY]),
  ),
  refusedAtFinish(
    "close_notify, encrypted, in place of Finished",
    finish((change) => [change, CLOSE_NOTIFY]),
  ),
  refusedAtOnce("fatal alert in answer to ClientHello", { flight: () => [alert(2, 40)] }),
  refusedAtOnce("application data in clear in answer to ClientHello", { flight: () => [WELCOME] }),
  refusedAtOnce(
    "application data in clear after ServerHello",
    flight(({ hello, certificate, exchange, done }) => [hello, WELCOME, certificate, exchange, done]),
  ),
  refusedAtFinish(
    "application data in clear in place of Finished",
    finish(() => [WELCOME]),
  ),
  refusedAtFinish(
    "application data in clear before ChangeCipherSpec",
    finish((change, finished) => [WELCOME, change, finished]),
  ),
  refusedAtFinish(
    "application data, encrypted, before Finished",
    finish((change, finished) => [change, WELCOME, finished]),
  ),
];
