// SPDX-License-Identifier: MIT
import { download } from "../parts/download";
import type { Pair } from "./test-certificates";

/** A certificate and its key as files. */
export function Downloads({ name, pair }: { name: string; pair: Pair }) {
  return (
    <div class="buttons">
      <button
        type="button"
        onClick={() => download(`${name}.pem`, "application/x-pem-file", pair.certificatePem)}
      >
        {name}.pem
      </button>
      <button
        type="button"
        onClick={() => download(`${name}.key.pem`, "application/x-pem-file", pair.privateKeyPem)}
      >
        {name}.key.pem
      </button>
    </div>
  );
}
