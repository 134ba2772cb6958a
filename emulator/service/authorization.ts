// SPDX-License-Identifier: MIT
/** Whether a service may do what it asks for. Source: "Control access to IoT Hub using shared access signatures". */
import type { Right } from "../rights";
import {
  decodeKey,
  decodePercent,
  endedAt,
  isSignedBy,
  parseSharedAccessSignature,
  resourceOf,
} from "../shared-access-signature";
import type { StoredPolicy } from "../records";

/** What is asked for. */
export interface Demand {
  /** The host whose policies count, in lower case. */
  host: string;
  /** What else the token's `sr` may call it, for example with a port. */
  aliases: readonly string[];
  /** Of the request, decoded; starts with a slash. */
  path: string;
  /** Any of these is enough. */
  rights: readonly Right[];
}

/** What a good token allows. */
export interface Grant {
  policy: StoredPolicy;
  /** Decoded, in lower case: what the token is for, and all that begins with it. */
  resource: string;
  /** Milliseconds since 1970. */
  expiry: number;
}

/**
 * Checks a token of a policy of `host`.
 * @param text `SharedAccessSignature sr=…`
 * @param now milliseconds since 1970
 * @returns why it is refused, in words that hold nothing secret, as `problem`
 */
export function readToken(
  policies: readonly StoredPolicy[],
  text: string,
  host: string,
  now: number,
): Grant | { problem: string } {
  const token = parseSharedAccessSignature(text);
  const name = decodePercent(token?.skn);
  const resource = token && resourceOf(token)?.toLowerCase();
  if (!token || resource === undefined) return { problem: "what was sent is no shared access signature" };
  if (name === undefined) return { problem: "the token has no skn, which is the name of a policy" };
  const policy = policies.find((one) => one.host === host && one.keyName === name);
  if (!policy) return { problem: `${host} has no policy of the name in the token's skn` };
  if (token.se * 1000 <= now) return { problem: `the token ${endedAt(token.se * 1000, now)}` };
  // Event Hubs, whose resources are URLs, takes the text of a key for its bytes.
  const bytes = (key: string) => (/^[a-z]+:\/\//.test(resource) ? Buffer.from(key) : decodeKey(key)!);
  const keys = [policy.primaryKey, policy.secondaryKey].map(bytes);
  if (!keys.some((key) => isSignedBy(token, key)))
    return { problem: "the token was signed with another key" };
  return { policy, resource, expiry: token.se * 1000 };
}

/**
 * Checks a request by its token.
 * @param header `Authorization`
 * @param now milliseconds since 1970
 * @returns why it is refused, in words that hold nothing secret; undefined when it is good
 */
export function unauthorized(
  policies: readonly StoredPolicy[],
  header: string | undefined,
  demand: Demand,
  now: number,
): string | undefined {
  if (header === undefined) return "the request has no Authorization header; send a shared access signature";
  const grant = readToken(policies, header, demand.host, now);
  return "problem" in grant ? grant.problem : withheld(grant, demand);
}

/** Why a grant is not enough; undefined when it is. */
export function withheld(
  { policy, resource }: Pick<Grant, "policy" | "resource">,
  { host, aliases, path, rights }: Demand,
): string | undefined {
  const covered = [host, ...aliases].some((own) => isPrefix(resource, `${own}${path.toLowerCase()}`));
  if (!covered) return `the token's sr is neither ${host} nor the beginning of what is asked for`;
  if (!rights.some((right) => policy.rights.includes(right)))
    return `the policy ${policy.keyName} lacks the right ${rights.join(" or ")}`;
  return undefined;
}

/** True when `whole` is `part`, or goes on behind it with a new segment. */
function isPrefix(part: string, whole: string): boolean {
  // SDKs of Event Hubs write a URL: `sb://…`.
  const trimmed = part.replace(/^[a-z]+:\/\//, "").replace(/\/$/, "");
  return whole === trimmed || whole.startsWith(`${trimmed}/`);
}
