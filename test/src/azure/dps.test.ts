// SPDX-License-Identifier: MIT
/** What goes to DPS, and the topics of what comes back ("Communicate with DPS using the MQTT protocol"). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  DPS_API_VERSION,
  DPS_HOST,
  DPS_RESPONSE_FILTER,
  dpsUserName,
  operationStatusTopic,
  parseDpsTopic,
  registerBody,
  registerTopic,
} from "../../../src/azure/dps";
import { testProperty } from "../../helpers/seeds";

describe("requests", () => {
  test("end point, version and filter", () => {
    expect([DPS_HOST, DPS_API_VERSION, DPS_RESPONSE_FILTER]).toEqual([
      "global.azure-devices-provisioning.net",
      "2019-03-31",
      "$dps/registrations/res/#",
    ]);
  });

  test("the user name: plural, and a slash, not `/?`, before the version", () => {
    expect(dpsUserName("0ne00000000", "device-1")).toBe(
      "0ne00000000/registrations/device-1/api-version=2019-03-31",
    );
  });

  test("register", () => {
    expect(registerTopic("1a")).toBe("$dps/registrations/PUT/iotdps-register/?$rid=1a");
    expect(registerBody("device-1")).toBe('{"registrationId":"device-1"}');
    expect(registerBody("device-1", { modelId: "dtmi:a;1" })).toBe(
      '{"registrationId":"device-1","payload":{"modelId":"dtmi:a;1"}}',
    );
    expect(registerBody("device-1", {})).toBe('{"registrationId":"device-1","payload":{}}');
  });

  test("ask for the state of an operation", () => {
    expect(operationStatusTopic("1b", "5.d0a671905ea5b2c8.e7173b7b-1234")).toBe(
      "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1b&operationId=5.d0a671905ea5b2c8.e7173b7b-1234",
    );
  });

  test("an operation id cannot get anything else into the topic", () => {
    expect(operationStatusTopic("1", "a&$rid=2/#+")).toBe(
      "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=a%26%24rid%3D2%2F%23%2B",
    );
  });
});

describe("the topic of an answer", () => {
  test.each<[string, number, string, number | undefined]>([
    ["200/?$rid=1", 200, "1", undefined],
    ["202/?$rid=1&retry-after=3", 202, "1", 3],
    ["202/?retry-after=3&$rid=1", 202, "1", 3],
    // Both spellings stand in Microsoft's own tests.
    ["202/?$rid=1&Retry-After=3", 202, "1", 3],
    ["202/?$rid=1&RETRY-AFTER=120", 202, "1", 120],
    ["202/?%24rid=ab%2Dc&retry%2Dafter=4", 202, "ab-c", 4],
    ["429/?$rid=1&retry-after=0", 429, "1", 0],
    ["401/?$rid=", 401, "", undefined],
    ["200/?other=x&$rid=1&flag&=y", 200, "1", undefined],
    ["100/?$rid=1", 100, "1", undefined],
    ["599/?$rid=1", 599, "1", undefined],
    // A day at most; what is no whole number says nothing.
    ["202/?$rid=1&retry-after=86400", 202, "1", 86_400],
    ["202/?$rid=1&retry-after=86401", 202, "1", 86_400],
    ["202/?$rid=1&retry-after=999999999", 202, "1", 86_400],
    ["202/?$rid=1&retry-after=9999999999", 202, "1", 86_400],
    [`202/?$rid=1&retry-after=${"9".repeat(400)}`, 202, "1", 86_400],
    ["202/?$rid=1&retry-after=", 202, "1", undefined],
    ["202/?$rid=1&retry-after", 202, "1", undefined],
    ["202/?$rid=1&retry-after=-1", 202, "1", undefined],
    ["202/?$rid=1&retry-after=1.5", 202, "1", undefined],
    ["202/?$rid=1&retry-after=1e3", 202, "1", undefined],
    ["202/?$rid=1&retry-after=0x10", 202, "1", undefined],
    ["202/?$rid=1&retry-after= 3", 202, "1", undefined],
    ["202/?$rid=1&retry-after=%", 202, "1", undefined],
    ["202/?$rid=1&retry-after=٣", 202, "1", undefined],
  ])("%s", (rest, status, requestId, retryAfter) => {
    expect(parseDpsTopic(`$dps/registrations/res/${rest}`)).toEqual({ status, requestId, retryAfter });
  });

  test.each([
    "",
    "$dps/registrations/res/",
    "$dps/registrations/res/200",
    "$dps/registrations/res/200/",
    "$dps/registrations/res/200/$rid=1",
    "$dps/registrations/res/200/?",
    "$dps/registrations/res/200/?rid=1",
    "$dps/registrations/res/200/?$rid",
    "$dps/registrations/res//?$rid=1",
    "$dps/registrations/res/0/?$rid=1",
    "$dps/registrations/res/99/?$rid=1",
    "$dps/registrations/res/600/?$rid=1",
    "$dps/registrations/res/-200/?$rid=1",
    "$dps/registrations/res/2e2/?$rid=1",
    "$dps/registrations/res/abc/?$rid=1",
    // Without `res/`, as an emulator that others wrote answers.
    "$dps/registrations/200/?$rid=1",
    "$dps/registrations/PUT/iotdps-register/?$rid=1",
    "$DPS/registrations/res/200/?$rid=1",
    "x$dps/registrations/res/200/?$rid=1",
    "devices/d/messages/devicebound/",
  ])("no answer of DPS: %j", (topic) => {
    expect(parseDpsTopic(topic)).toBeUndefined();
  });

  testProperty(
    "any order of any parameters",
    300,
    fc.property(
      fc.integer({ min: 100, max: 599 }),
      fc.stringMatching(/^[a-z0-9-]{1,20}$/),
      fc.option(fc.integer({ min: 0, max: 86_400 }), { nil: undefined }),
      fc.array(fc.stringMatching(/^[a-z]{1,5}(=[a-z0-9]{0,5})?$/), { maxLength: 4 }),
      fc.infiniteStream(fc.nat(10)),
      (status, requestId, retryAfter, others, order) => {
        const parts = [`$rid=${requestId}`, ...others];
        if (retryAfter !== undefined) parts.push(`retry-after=${retryAfter}`);
        const sorted = parts
          .map((part) => [order.next().value as number, part] as const)
          .sort(([a], [b]) => a - b)
          .map(([, part]) => part);
        expect(parseDpsTopic(`$dps/registrations/res/${status}/?${sorted.join("&")}`)).toEqual({
          status,
          requestId,
          retryAfter,
        });
      },
    ),
  );

  testProperty(
    "any text is an answer or none",
    500,
    fc.property(fc.string({ unit: "binary" }), (rest) => {
      const parsed = parseDpsTopic(`$dps/registrations/res/${rest}`);
      if (!parsed) return;
      expect(parsed.status).toBeGreaterThanOrEqual(100);
      expect(parsed.status).toBeLessThanOrEqual(599);
    }),
  );
});
