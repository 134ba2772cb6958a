// SPDX-License-Identifier: MIT
/** The stored state, as it is checked on the way in. */
import * as v from "valibot";
import { ACCESS_POLICY, ENROLLMENT, GROUP } from "./configuration-reader";
import { twinSection } from "./hub/twin";
import { LONGEST_MODEL_ID } from "./names";
import { RIGHTS } from "./rights";
import { ANY_TEXT, choice, JSON_OBJECT, list, maybe, object, oneOf, text, whole } from "./shapes";

const MODEL_ID = text(LONGEST_MODEL_ID);
const COUNT = whole(0, Number.MAX_SAFE_INTEGER);
const TWIN_VERSION = whole(1, Number.MAX_SAFE_INTEGER);

const CERTIFICATE = object(
  {
    subjectName: ANY_TEXT,
    sha1Thumbprint: ANY_TEXT,
    sha256Thumbprint: ANY_TEXT,
    issuerName: ANY_TEXT,
    notBeforeUtc: ANY_TEXT,
    notAfterUtc: ANY_TEXT,
    serialNumber: ANY_TEXT,
    version: whole(1, 3),
  },
  "all",
);

/** One registration. */
export const REGISTRATION = object(
  {
    registrationId: text(128),
    assignedHub: text(253),
    deviceId: text(128),
    substatus: text(64),
    createdDateTimeUtc: text(64),
    lastUpdatedDateTimeUtc: text(64),
    etag: text(128),
    payload: maybe(JSON_OBJECT),
    modelId: maybe(MODEL_ID),
    enrollmentGroupId: maybe(text(128)),
    x509: maybe(
      object(
        {
          certificateInfo: CERTIFICATE,
          enrollmentGroupId: maybe(text(128)),
          signingCertificateInfo: maybe(CERTIFICATE),
        },
        "all",
      ),
    ),
  },
  "all",
);

const AUTHENTICATION = oneOf(
  "type",
  ["symmetricKey", "x509", "issued", "selfSigned"],
  [
    object({ type: v.literal("issued"), commonName: text(128) }, "all"),
    object({ type: v.literal("x509"), sha256Thumbprint: text(64) }, "all"),
    object(
      { type: v.literal("selfSigned"), primaryThumbprint: text(64), secondaryThumbprint: maybe(text(64)) },
      "all",
    ),
    object(
      {
        type: v.literal("symmetricKey"),
        symmetricKey: object({ primaryKey: text(128), secondaryKey: maybe(text(128)) }, "all"),
      },
      "all",
    ),
  ],
);

const TWIN = object(
  {
    tags: twinSection("tags"),
    desired: twinSection("desired"),
    desiredVersion: TWIN_VERSION,
    reported: twinSection("reported"),
    reportedVersion: TWIN_VERSION,
    metadata: maybe(object({ desired: maybe(JSON_OBJECT), reported: maybe(JSON_OBJECT) }, "all")),
  },
  "all",
);

const MESSAGE = object(
  {
    sequence: COUNT,
    bag: ANY_TEXT,
    bodyBase64: ANY_TEXT,
    expiry: COUNT,
    enqueuedTime: maybe(COUNT),
    deliveryCount: COUNT,
    packetId: maybe(whole(1, 65_535)),
  },
  "all",
);

/** One device identity. */
export const DEVICE = object(
  {
    deviceId: text(128),
    status: choice(["enabled", "disabled"]),
    authentication: AUTHENTICATION,
    twin: TWIN,
    queue: list(MESSAGE, 1000),
    modelId: maybe(MODEL_ID),
    session: maybe(v.record(v.string(), whole(0, 1), "must be an object")),
    generationId: maybe(text(64)),
    statusReason: maybe(text(128)),
    statusUpdatedTime: maybe(text(64)),
  },
  "all",
);

const POLICY = object({ host: text(253), ...ACCESS_POLICY, rights: list(choice(RIGHTS), 16) }, "all");

const CHANGE = {
  key: text(128),
  createdDateTimeUtc: text(64),
  lastUpdatedDateTimeUtc: text(64),
};
const ENROLLMENT_CHANGE = oneOf(
  "kind",
  ["individual", "group"],
  [
    object({ kind: v.literal("individual"), value: maybe(ENROLLMENT), ...CHANGE }, "all"),
    object({ kind: v.literal("group"), value: maybe(GROUP), ...CHANGE }, "all"),
  ],
);

/** The whole of it. @param version that this program writes */
export function stateOf(version: number) {
  return object(
    {
      version: whole(version, version),
      registrations: list(REGISTRATION),
      hubs: list(object({ name: text(), devices: list(DEVICE) }, "all")),
      enrollments: maybe(list(ENROLLMENT_CHANGE)),
      policies: maybe(list(POLICY, 10_000)),
    },
    "all",
  );
}
