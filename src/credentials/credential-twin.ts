// SPDX-License-Identifier: MIT
import type { Credential } from "../agent/credential";
import { Twin, type TwinOptions } from "../azure/hub/twin";

/** The twin of a device with credentials: what they wait for goes to them first. */
export function twinWithCredentials(options: TwinOptions, credentials: readonly Credential[]): Twin {
  const bound = credentials.filter(isBound);
  const { onDesired } = options;
  const twin = new Twin({
    ...options,
    onDesired:
      bound.length > 0 || onDesired
        ? (properties) => {
            for (const one of bound) one.desired?.(properties.desired);
            onDesired?.(properties);
          }
        : undefined,
  });
  for (const one of bound) one.bindTwin?.((patch) => twin.report(patch));
  return twin;
}

/** Does it need a twin? */
export function isBound({ bindTwin }: Credential): boolean {
  return bindTwin !== undefined;
}
