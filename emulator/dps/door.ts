// SPDX-License-Identifier: MIT
/** Lets devices in at DPS, over whatever protocol they ask. */
import type { X509Certificate } from "node:crypto";
import type { EnrollmentRegistry } from "../enrollment-registry";
import { type DpsUserName, KNOWN_DPS_API_VERSIONS } from "../user-name";
import { authenticate } from "./authentication";
import { type DpsError, isDpsError } from "./bodies";
import type { DpsIdentity } from "./identity";
import type { DpsCaller } from "./requests";

/** What the decision rests on. */
export interface DpsDoorOptions {
  idScope: string;
  enrollments: EnrollmentRegistry;
  /** `errorCode` of a refusal by a 401 response. */
  refusalCode: number;
  requireClientAuth: boolean;
  now(): number;
  onUnknownApiVersion(user: DpsUserName): void;
}

/** The API version of DPS from which on a registration may ask for a certificate; before, `csr` means nothing. */
const ISSUANCE_SINCE = "2025-07-01";

/** The doorkeeper. */
export class DpsDoor {
  readonly #options: DpsDoorOptions;

  constructor(options: DpsDoorOptions) {
    this.#options = options;
  }

  /** What a request of no use says, in words; undefined when its scope and API version are good. */
  problemOf({
    idScope,
    apiVersion,
  }: DpsUserName): { field: "scope" | "version"; problem: string } | undefined {
    const own = this.#options.idScope;
    if (idScope !== own)
      return { field: "scope", problem: `the ID scope ${JSON.stringify(idScope.slice(0, 64))}, not ${own}` };
    if (apiVersion < "2018") return { field: "version", problem: "DPS had no API version before 2018" };
    return undefined;
  }

  /**
   * Checks the credentials of who asks for something.
   * @param password a shared access signature; empty for a certificate
   * @param chain leaf first; empty without a client certificate
   */
  admit(user: DpsUserName, password: string, chain: readonly X509Certificate[]): DpsCaller {
    const { enrollments, refusalCode, now, onUnknownApiVersion } = this.#options;
    if (!KNOWN_DPS_API_VERSIONS.includes(user.apiVersion)) onUnknownApiVersion(user);
    const { registrationId } = user;
    const credentials = { registrationId, password, chain };
    const caller: DpsIdentity | DpsError = authenticate(enrollments, this.#options, credentials, now());
    return {
      registrationId: registrationId.toLowerCase(),
      caller: isDpsError(caller) && caller.status === 401 ? { ...caller, errorCode: refusalCode } : caller,
      mayAsk: user.apiVersion >= ISSUANCE_SINCE,
    };
  }
}
