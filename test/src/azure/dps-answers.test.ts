// SPDX-License-Identifier: MIT
/** What an answer of DPS means: every status, substatus and error shape of its device API. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type DpsAnswer, interpretDpsResponse } from "../../../src/azure/dps";
import { BerthError, type ErrorCode } from "../../../src/error";
import { testProperty } from "../../helpers/seeds";

const OPERATION = "5.d0a671905ea5b2c8.e7173b7b-0b54-4aa0-9d20-aeb1b89e6c7d";

function answer(status: number, body: unknown, retryAfter?: number): DpsAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return interpretDpsResponse({ status, requestId: "1", retryAfter }, text, "device-1");
}

/** The error of an answer that is one. */
function failure(status: number, body: unknown, retryAfter?: number): BerthError {
  const meant = answer(status, body, retryAfter);
  if (meant.kind !== "error") throw new Error(`${meant.kind}, no error`);
  expect(meant.error).toBeInstanceOf(BerthError);
  return meant.error;
}

/** As documented for an x.509 device, with the seven fractional digits of Azure's dates. */
function assigned(state: object = {}, top: object = {}): object {
  return {
    operationId: OPERATION,
    status: "assigned",
    registrationState: {
      x509: { enrollmentGroupId: "line-7" },
      registrationId: "device-1",
      createdDateTimeUtc: "2020-04-10T03:11:13.0276997Z",
      assignedHub: "contoso.azure-devices.net",
      deviceId: "pump-7",
      status: "assigned",
      substatus: "initialAssignment",
      lastUpdatedDateTimeUtc: "2020-04-10T03:11:13.2096201Z",
      etag: "IjYxMDA4ZDQ2LTAwMDAtMDEwMC0wMDAwLTVlOGZlM2QxMDAwMCI=",
      ...state,
    },
    ...top,
  };
}

describe("assigning", () => {
  test.each([
    ["as it comes first", { operationId: OPERATION, status: "assigning" }],
    [
      "as it comes later",
      {
        operationId: OPERATION,
        status: "assigning",
        registrationState: { registrationId: "device-1", status: "assigning" },
      },
    ],
    ["not assigned yet", { operationId: OPERATION, status: "unassigned" }],
  ])("%s", (_, body) => {
    expect(answer(202, body, 3)).toEqual({ kind: "assigning", operationId: OPERATION, retryAfter: 3 });
    expect(answer(202, body)).toEqual({ kind: "assigning", operationId: OPERATION, retryAfter: undefined });
    // The body decides, not the topic.
    expect(answer(200, body)).toMatchObject({ kind: "assigning" });
  });

  test.each([
    ["none", { status: "assigning" }],
    ["an empty one", { operationId: "", status: "assigning" }],
    ["a number", { operationId: 7, status: "assigning" }],
    [
      "one with a lone surrogate, which cannot be sent back (by fuzzing)",
      { operationId: "a\ud800", status: "assigning" },
    ],
    ["one too long to be sent back (by fuzzing)", { operationId: "x".repeat(1_901), status: "assigning" }],
    ["one in the wrong place", { status: "assigning", registrationState: { operationId: OPERATION } }],
  ])("without an operation id nothing can be asked again: %s", (_, body) => {
    expect(failure(202, body).code).toBe("dps-malformed");
  });
});

describe("assigned", () => {
  test("the returned device id counts, which may differ from the registration id", () => {
    expect(answer(200, assigned())).toEqual({
      kind: "assigned",
      assignment: {
        hub: "contoso.azure-devices.net",
        deviceId: "pump-7",
        substatus: "initialAssignment",
        payload: undefined,
      },
    });
  });

  test.each([
    "initialAssignment",
    "deviceDataMigrated",
    "deviceDataReset",
    "reprovisionedToInitialAssignment",
    "somethingNew",
  ])("substatus %s", (substatus) => {
    expect(answer(200, assigned({ substatus }))).toMatchObject({ assignment: { substatus } });
  });

  test.each([
    ["symmetric key", { x509: undefined, symmetricKey: { enrollmentGroupId: "line-7" } }],
    ["TPM", { x509: undefined, tpm: { authenticationKey: "a2V5" } }],
    ["no substatus", { substatus: undefined }],
    ["substatus of a wrong type", { substatus: 7 }],
    ["payload null", { payload: null }],
    ["payload a list", { payload: [1] }],
    ["payload a text", { payload: "x" }],
    ["connectionProfile null", { connectionProfile: null }],
    ["connectionProfile classic", { connectionProfile: "classic" }],
  ])("%s makes no difference to hub and device id", (_, state) => {
    expect(answer(200, assigned(state))).toMatchObject({
      kind: "assigned",
      assignment: { hub: "contoso.azure-devices.net", deviceId: "pump-7", payload: undefined },
    });
  });

  test("the payload of a custom allocation", () => {
    const payload = { interval: 60, nested: { list: [1] } };
    expect(answer(200, assigned({ payload }))).toMatchObject({ assignment: { payload } });
  });

  test("the hub's name in lower case: it goes into a signature", () => {
    const state = { assignedHub: "Contoso.Azure-Devices.NET" };
    expect(answer(200, assigned(state))).toMatchObject({ assignment: { hub: "contoso.azure-devices.net" } });
  });

  test.each<[string, object]>([
    ["no registrationState", { operationId: OPERATION, status: "assigned" }],
    ["registrationState null", assigned({}, { registrationState: null })],
    ["registrationState a list", assigned({}, { registrationState: [] })],
    ["registrationState a text", assigned({}, { registrationState: "assigned" })],
    ["no hub", assigned({ assignedHub: undefined })],
    ["an empty hub", assigned({ assignedHub: "" })],
    ["a hub that is a number", assigned({ assignedHub: 7 })],
    ["a hub that is no host name", assigned({ assignedHub: "contoso.azure-devices.net/?evil" })],
    ["a hub with a port", assigned({ assignedHub: "contoso.azure-devices.net:1883" })],
    ["no device id", assigned({ deviceId: undefined })],
    ["an empty device id", assigned({ deviceId: "" })],
    ["a hub that resolvers take for 127.0.0.1", assigned({ assignedHub: "127.1" })],
    ["the same as one number", assigned({ assignedHub: "2130706433" })],
    ["the same in hex", assigned({ assignedHub: "0x7f000001" })],
    ["another's registration id", assigned({ registrationId: "device-2" })],
    ["an empty registration id", assigned({ registrationId: "" })],
    ["a device id that is an object", assigned({ deviceId: {} })],
  ])("not usable: %s", (_, body) => {
    const error = failure(200, body);
    expect(error.code).toBe("dps-malformed");
    expect(error.retriable).toBe(true);
  });

  test("the registration id in another case, or none: the answer counts", () => {
    for (const registrationId of ["DEVICE-1", undefined]) {
      expect(answer(200, assigned({ registrationId })).kind).toBe("assigned");
    }
  });

  test("whatever its status, an answer for another registration is refused, by its name", () => {
    for (const status of ["assigning", "failed", "disabled", "assigned"]) {
      const error = failure(200, assigned({ registrationId: "other\u001b", status }, { status }));
      expect(error).toMatchObject({ code: "dps-malformed", retriable: true });
      expect(error.message).toContain("the answer is for other?");
    }
  });

  test.each(["light#1", "a+b", "#", "a/../b", "d".repeat(129), "a\nb"])(
    "a device id that no topic can carry is an error of its own that names it: %j",
    (deviceId) => {
      const error = failure(200, assigned({ deviceId }));
      expect(error).toMatchObject({ code: "dps-device-id", retriable: false });
      expect(error.message).toContain(deviceId.replace("\n", "?"));
    },
  );

  test.each<[string, object]>([
    ["mqttV5", assigned({ connectionProfile: "mqttV5" })],
    ["beside registrationState", assigned({}, { connectionProfile: "mqttV5" })],
    ["unknown", assigned({ connectionProfile: "carrierPigeon" })],
    ["of a wrong type", assigned({ connectionProfile: 5 })],
    ["empty", assigned({ connectionProfile: "" })],
  ])("a hub of another kind: connectionProfile %s", (_, body) => {
    const error = failure(200, body);
    expect(error.code).toBe("dps-unknown-profile");
    expect(error.retriable).toBe(false);
  });
});

describe("failed and disabled come with topic status 200", () => {
  test("failed: the hub refused DPS (400209)", () => {
    const error = failure(200, {
      operationId: OPERATION,
      status: "failed",
      registrationState: {
        registrationId: "device-1",
        status: "failed",
        errorCode: 400_209,
        errorMessage: "IotHubUnauthorizedAccess",
      },
    });
    expect(error).toMatchObject({ code: "dps-failed", status: 200, errorCode: 400_209, retriable: false });
    // Not the status 200, which looks like success.
    expect(error.message).toMatch(/ \(errorCode 400209: IotHubUnauthorizedAccess\)$/);
  });

  test.each([
    ["failed", {}, "dps-failed"],
    ["failed", { registrationState: null }, "dps-failed"],
    ["failed", { errorCode: 400_208 }, "dps-failed"],
    ["disabled", {}, "dps-disabled"],
    ["disabled", { registrationState: { registrationId: "device-1", status: "disabled" } }, "dps-disabled"],
    // What an old service called it.
    ["blacklisted", {}, "dps-disabled"],
  ])("%s %j", (status, more, code) => {
    const error = failure(200, { operationId: OPERATION, status, ...more });
    expect(error.code).toBe(code);
    expect(error.errorCode).toBe((more as { errorCode?: number }).errorCode);
    expect(error.message).not.toContain("status 200");
    expect(failure(202, { status, ...more }).code).toBe(code);
  });
});

describe("errors by the topic's status", () => {
  test("401002, as documented", () => {
    const trackingId = "8ad0463c-6427-4479-9dfa-3e8bb7003e9b";
    const error = failure(401, {
      errorCode: 401_002,
      trackingId,
      message: "Invalid certificate.",
      timestampUtc: "2020-04-10T05:24:22.4718526Z",
    });
    expect(error).toMatchObject({
      code: "dps-unauthorized",
      status: 401,
      errorCode: 401_002,
      trackingId,
      retriable: false,
      retryAfter: undefined,
    });
    expect(error.message).toContain(
      ` (status 401, errorCode 401002: Invalid certificate; trackingId ${trackingId})`,
    );
  });

  test("found by fuzzing: a tracking id is bounded and printable like the rest", () => {
    const { trackingId } = failure(401, { trackingId: `\u001b[2J\n${"x".repeat(5_000)}` });
    expect(trackingId).toMatch(/^[\x20-\x7e]{200}$/);
  });

  test.each<[number, ErrorCode, boolean]>([
    [300, "dps-refused", false],
    [400, "dps-refused", false],
    [401, "dps-unauthorized", false],
    [403, "dps-unauthorized", false],
    [404, "dps-not-found", false],
    [405, "dps-refused", false],
    [409, "dps-refused", false],
    [412, "dps-refused", false],
    [413, "dps-refused", false],
    [415, "dps-refused", false],
    [428, "dps-refused", false],
    [429, "dps-throttled", true],
    [430, "dps-refused", false],
    [499, "dps-refused", false],
    [500, "dps-server-error", true],
    [502, "dps-server-error", true],
    [503, "dps-server-error", true],
    [504, "dps-server-error", true],
    [599, "dps-server-error", true],
  ])("%i", (status, code, retriable) => {
    const bodies = [
      { errorCode: status * 1_000 + 1, message: "m" },
      {},
      "",
      "<html>Bad Gateway</html>",
      "null",
      [1],
      // What the body claims does not count here.
      assigned(),
    ];
    for (const body of bodies) {
      expect(failure(status, body)).toMatchObject({ code, status, retriable });
    }
    expect(failure(status, bodies[0]).errorCode).toBe(status * 1_000 + 1);
  });

  test.each([429, 503])("%i with retry-after", (status) => {
    expect(failure(status, {}, 30).retryAfter).toBe(30);
    expect(failure(status, {}, 0).retryAfter).toBe(0);
    expect(failure(status, {}).retryAfter).toBeUndefined();
  });

  test.each([
    ["errorCode a text", { errorCode: "401002" }],
    ["errorCode null", { errorCode: null, trackingId: null, message: null }],
    ["trackingId a number", { trackingId: 7 }],
    ["message an object", { message: { a: 1 } }],
  ])("fields of wrong types are left out: %s", (_, body) => {
    const error = failure(400, body);
    expect([error.errorCode, error.trackingId]).toEqual([undefined, undefined]);
    expect(error.message).toMatch(/\(status 400\)$/);
  });
});

describe("not understood", () => {
  test.each<[string, unknown]>([
    ["nothing", ""],
    ["no JSON", "assigned"],
    ["JSON cut off", '{"operationId":"1","status":"assi'],
    ["more than JSON", '{"status":"assigned"} x'],
    ["null", "null"],
    ["a number", "7"],
    ["a text", '"assigned"'],
    ["a list", '[{"operationId":"1","status":"assigning"}]'],
    ["an empty object", {}],
    ["status null", { operationId: OPERATION, status: null }],
    ["status a number", { operationId: OPERATION, status: 200 }],
    ["status an object", { operationId: OPERATION, status: {} }],
    ["an unknown status", { operationId: OPERATION, status: "pondering" }],
    ["status in other letters", { operationId: OPERATION, status: "Assigned" }],
    ["a name of Object.prototype", { operationId: OPERATION, status: "toString" }],
    ["status only within", { registrationState: { status: "assigned" } }],
  ])("%s", (_, body) => {
    for (const status of [100, 200, 202]) {
      const error = failure(status, body);
      expect(error).toMatchObject({ code: "dps-malformed", status, retriable: true });
    }
  });

  test("nested as deep as a stack does not go", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(failure(200, `{"operationId":"1","status":${deep}}`).code).toBe("dps-malformed");
    const profile = `{"assignedHub":"h","deviceId":"d","connectionProfile":${deep}}`;
    expect(failure(200, `{"status":"assigned","registrationState":${profile}}`).code).toBe("dps-malformed");
  });

  test("what the server says is shown without control characters and not at any length", () => {
    const error = failure(400, { message: `a\u001b[31m\n\u0000é${"x".repeat(5_000)}` });
    expect(error.message).toContain("a?[31m???xxx");
    expect(error.message).toMatch(/^[\x20-\x7e]*$/);
    expect(error.message.length).toBeLessThan(400);
  });
});

const word = fc.oneof(
  fc.constantFrom("assigning", "assigned", "failed", "disabled", "unassigned", "", "x", 7, null),
  fc.jsonValue(),
);
const state = fc.record(
  {
    assignedHub: fc.oneof(fc.constantFrom("h.net", ""), fc.jsonValue()),
    deviceId: fc.oneof(fc.constantFrom("d", ""), fc.jsonValue()),
    status: word,
    substatus: word,
    payload: fc.jsonValue(),
    errorCode: fc.jsonValue(),
    errorMessage: fc.jsonValue(),
    connectionProfile: fc.oneof(fc.constantFrom("classic", null), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc
    .record(
      {
        operationId: fc.oneof(fc.string(), fc.jsonValue()),
        status: word,
        registrationState: fc.oneof(state, fc.jsonValue()),
        errorCode: fc.jsonValue(),
        message: fc.jsonValue(),
        trackingId: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
);

testProperty(
  "any body at any status ends in one of three kinds, and never in an exception",
  2_000,
  fc.property(fc.integer({ min: 100, max: 599 }), body, (status, text) => {
    const meant = answer(status, text);
    if (meant.kind === "error") {
      expect(meant.error.code).toMatch(/^dps-/);
      expect(meant.error.status).toBe(status);
    } else {
      expect(status).toBeLessThan(300);
      if (meant.kind === "assigning") expect(meant.operationId).not.toBe("");
      else expect(meant.assignment).toMatchObject({ hub: expect.any(String), deviceId: expect.any(String) });
    }
  }),
);
