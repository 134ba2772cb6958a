// SPDX-License-Identifier: MIT
import { base64 } from "../../../src/base64";
import type { TransportBinding } from "../../../src/host";
import { type Tap, tapTransport } from "../../transport-tap";
import type { Emit } from "./protocol";
import { SignatureMask } from "./signature-mask";
import { text } from "./text";

/** A binding with all that passes inside TLS told as events. No signature of a SAS token leaves the program. */
export function traceTransport(emit: Emit): (binding: TransportBinding) => TransportBinding {
  let connections = 0;
  const open = (peer: string): Tap => {
    connections += 1;
    const connection = connections;
    const mask = new SignatureMask();
    emit({ event: "opened", connection, peer });
    return {
      sent: (bytes) => emit({ event: "sent", connection, bytes: base64(mask.mask(bytes), text) }),
      received: (bytes) => emit({ event: "received", connection, bytes: base64(bytes, text) }),
    };
  };
  return (binding) => tapTransport(binding, open);
}
