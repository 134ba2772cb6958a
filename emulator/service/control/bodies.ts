// SPDX-License-Identifier: MIT
/** What the control API takes, as schemas that `openapi.ts` shows. */
import * as v from "valibot";
import { CERTIFICATE_KINDS } from "../../served-certificate";
import { ANY_OBJECT, ANY_TEXT, choice, maybe, object, text, whole } from "../../shapes";

/** Milliseconds of some 8,000 years. */
const FAR = 1e15 - 1;

/** How far the clock is to be off. */
export const SKEW = object({ skewMs: whole(-FAR, FAR) });
/** How far it is to be set on, or back. */
export const JUMP = object({ byMs: whole(-FAR, FAR) });
/** Which certificate is to be shown. */
export const CERTIFICATE = object({ kind: choice(CERTIFICATE_KINDS) });

/** A root of one's own, or a device's certificate, signed by `issuer` or by itself. */
export const TEST_CERTIFICATE = object({
  kind: choice(["root", "device"]),
  commonName: text(128),
  keyType: maybe(choice(["rsa-2048", "ec-p256"])),
  days: maybe(whole(1, 36_500)),
  issuer: maybe(object({ certificatePem: text(65_536), privateKeyPem: text(65_536) })),
});

const PROPERTIES = v.pipe(
  ANY_OBJECT,
  v.check(
    (bag) => Object.values(bag).every((value) => typeof value === "string" || value === null),
    "holds texts only, and null for a name without a value",
  ),
  v.transform((bag) => bag as Record<string, string | null>),
);

/** A cloud-to-device message. */
export const MESSAGE = object({
  /** A text. */
  body: maybe(ANY_TEXT),
  /** For one that is no text. */
  bodyBase64: maybe(v.pipe(ANY_TEXT, v.regex(/^[A-Za-z0-9+/]*={0,2}$/, "must be base64"))),
  properties: maybe(PROPERTIES),
  messageId: maybe(text(128)),
  correlationId: maybe(text(128)),
  userId: maybe(text(1024)),
  to: maybe(text(1024)),
  contentType: maybe(text(256)),
  contentEncoding: maybe(text(256)),
  ack: maybe(choice(["none", "positive", "negative", "full"])),
  lifetimeMs: maybe(whole(1, 172_800_000)),
});
