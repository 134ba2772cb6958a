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
  alias: string;
  /** Of the request, decoded; starts with a slash. */
  path: string;
  /** Any of these is enough. */
  rights: readonly Right[];
}

/**
 * Checks a token.
 * @param header `Authorization`
 * @param now milliseconds since 1970
 * @returns why it is refused, in words that hold nothing secret; undefined when it is good
 */
export function unauthorized(
  policies: readonly StoredPolicy[],
  header: string | undefined,
  { host, alias, path, rights }: Demand,
  now: number,
): string | undefined {
  if (header === undefined) return "the request has no Authorization header; send a shared access signature";
  const token = parseSharedAccessSignature(header);
  const name = decodePercent(token?.skn);
  const resource = token && resourceOf(token)?.toLowerCase();
  if (!token || resource === undefined) return "the Authorization header is no shared access signature";
  if (name === undefined) return "the token has no skn, which is the name of a policy";
  const policy = policies.find((one) => one.host === host && one.keyName === name);
  if (!policy) return `${host} has no policy of the name in the token's skn`;
  const covered = [host, alias].some((own) => isPrefix(resource, `${own}${path.toLowerCase()}`));
  if (!covered) return `the token's sr is neither ${host} nor the beginning of what is asked for`;
  if (token.se * 1000 <= now) return `the token ${endedAt(token.se * 1000, now)}`;
  const keys = [policy.primaryKey, policy.secondaryKey].map((key) => decodeKey(key)!);
  if (!keys.some((key) => isSignedBy(token, key))) return "the token was signed with another key";
  if (!rights.some((right) => policy.rights.includes(right)))
    return `the policy ${policy.keyName} lacks the right ${rights.join(" or ")}`;
  return undefined;
}

/** True when `whole` is `part`, or goes on behind it with a new segment. */
function isPrefix(part: string, whole: string): boolean {
  const trimmed = part.replace(/\/$/, "");
  return whole === trimmed || whole.startsWith(`${trimmed}/`);
}
