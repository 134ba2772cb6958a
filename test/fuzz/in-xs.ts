// SPDX-License-Identifier: MIT
/** The same fuzzing inside XS: the message has the seed, how many executions, and the corpus. */
import { type Ask, nativeText } from "../../hosts/xs/inside/host";
import { fuzz } from "./fuzz";
import { targets } from "./targets";

export interface FuzzRequest {
  readonly seed: number;
  readonly executions: number;
  readonly corpus: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export default function main(_call: Ask): (message: Uint8Array) => Uint8Array {
  return (message) => {
    const request = JSON.parse(new TextDecoder().decode(message)) as FuzzRequest;
    const corpus = Object.fromEntries(
      Object.entries(request.corpus).map(([name, samples]) => [
        name,
        samples.map((sample) => Uint8Array.from(sample)),
      ]),
    );
    const result = fuzz(targets(nativeText()), corpus, request.seed, (done) => done < request.executions);
    return new TextEncoder().encode(JSON.stringify(result));
  };
}
