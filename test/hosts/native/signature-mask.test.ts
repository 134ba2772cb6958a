// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { SignatureMask } from "../../../hosts/native/linux/signature-mask";

/** What the mask makes of `text`, cut into pieces at `cuts`. */
function masked(text: string, cuts: readonly number[] = []): string {
  const mask = new SignatureMask();
  const bytes = Buffer.from(text, "latin1");
  const ends = [...new Set(cuts)].sort((a, b) => a - b);
  let start = 0;
  let out = "";
  for (const end of [...ends, bytes.length]) {
    out += Buffer.from(mask.mask(bytes.subarray(start, end))).toString("latin1");
    start = end;
  }
  return out;
}

// The token of Microsoft's "Symmetric key attestation", as in test/cli/sas.test.ts.
const SIGNATURE = "gNjkn3R1j5N9USDokt3gtJVTEnXNk2KJLunM5qRuFN8%3D";
const TOKEN = `SharedAccessSignature sr=0ne0%2Fregistrations%2Fd&sig=${SIGNATURE}&se=1700003600&skn=registration`;

test.each([
  [TOKEN, TOKEN.replace(SIGNATURE, "*".repeat(SIGNATURE.length))],
  ["sig=Ab+/_-09%2f=&x", "sig=************&x"],
  ["ssig=a", "ssig=*"],
  ["sisig=a", "sisig=*"],
  ['{"a":"sig=b","sig":"c"}', '{"a":"sig=*","sig":"c"}'],
  ["sig=sig=b&sig=c", "sig=*****&sig=*"],
  ["sig&=a", "sig&=a"],
  ["nothing", "nothing"],
])("%j becomes %j", (text, expected) => {
  expect(masked(text)).toBe(expected);
});

test("wherever the stream is cut, the signature is gone and all else is there", () => {
  const around = fc.string({ unit: fc.constantFrom("s", "i", "g", "=", "&", "\0", "\xff") });
  fc.assert(
    fc.property(around, around, fc.array(fc.nat(400)), (before, after, cuts) => {
      const text = `${before}&sig=${SIGNATURE}&${after}`;
      const out = masked(
        text,
        cuts.filter((cut) => cut <= text.length),
      );
      expect(out).toBe(masked(text));
      expect(out).toHaveLength(text.length);
      expect(out.slice(before.length)).toContain(`&sig=${"*".repeat(SIGNATURE.length)}&`);
      expect(out).not.toContain(SIGNATURE);
    }),
  );
});

test("the bytes that were handed in stay as they are: they are on their way to the server", () => {
  const bytes = Buffer.from("sig=secret&");
  new SignatureMask().mask(bytes);
  expect(bytes.toString()).toBe("sig=secret&");
});
