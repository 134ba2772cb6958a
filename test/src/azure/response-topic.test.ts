// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { parseResponseTopic, queryValue, wholeNumber } from "../../../src/azure/response-topic";

const TWIN = "$iothub/twin/res/";

test.each([
  // "Communicate with an IoT hub using the MQTT protocol", retrieve and update a twin
  ["$iothub/twin/res/200/?$rid=1", { status: 200, requestId: "1" }],
  ["$iothub/twin/res/204/?$rid=2&$version=17", { status: 204, requestId: "2", version: 17 }],
  ["$iothub/twin/res/429/?$rid=a%20b&Retry-After=3", { status: 429, requestId: "a b", retryAfter: 3 }],
  ["$iothub/twin/res/429/?retry-after=999999&$rid=1", { status: 429, requestId: "1", retryAfter: 86_400 }],
  ["$iothub/twin/res/204/?$rid=1&$version=-1", { status: 204, requestId: "1" }],
])("reads %s", (topic, expected) => {
  expect(parseResponseTopic(topic, TWIN)).toEqual({ retryAfter: undefined, version: undefined, ...expected });
});

test.each([
  "$iothub/twin/res/200",
  "$iothub/twin/res/200/",
  "$iothub/twin/res/200/$rid=1",
  "$iothub/twin/res/200/?rid=1",
  "$iothub/twin/res/20x/?$rid=1",
  "$iothub/twin/res/99/?$rid=1",
  "$iothub/twin/res/600/?$rid=1",
  "$dps/registrations/res/200/?$rid=1",
  "",
])("%s is no answer", (topic) => {
  expect(parseResponseTopic(topic, TWIN)).toBeUndefined();
});

test("the last value of a name counts, whatever its case", () => {
  expect(queryValue("$rid=1&$RID=2&a", "$rid")).toBe("2");
  expect(queryValue("$rid&b=1", "$rid")).toBeUndefined();
  expect(queryValue("$rid=%", "$rid")).toBe("");
});

test.each([
  ["0", 0],
  ["007", 7],
  ["999999999999999", 999_999_999_999_999],
  ["1.5", undefined],
  ["-1", undefined],
  ["1e3", undefined],
  [" 1", undefined],
  ["", undefined],
  [undefined, undefined],
])("the whole number of %p is %p", (text, expected) => {
  expect(wholeNumber(text)).toBe(expected);
});
