// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatPropertyBag } from "../../../emulator/property-bag";
import { headersOf, propertiesOf } from "../../../emulator/service/hub/message-headers";
import { freshSeed } from "../../helpers/seeds";

const anything = fc.string({ unit: "binary", maxLength: 20 });
const name = fc.oneof(
  anything,
  fc.constantFrom("$.mid", "$.to", "constructor", "__proto__", "iothub-ack", ""),
);

test.each([31_415, freshSeed])(
  "whatever a service has set, it fits into headers, and nothing of it is a line of its own (seed %i)",
  (seed) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.option(anything))), (properties) => {
        const bag = formatPropertyBag(properties);
        const message = { sequence: 1, bag, bodyBase64: "", expiry: 0, deliveryCount: 1, enqueuedTime: 0 };
        for (const [header, value] of headersOf(message, "t")) expect(header + value).toMatch(/^[ -~]*$/);
      }),
      { seed, numRuns: 300 },
    );
  },
);

test.each([31_415, freshSeed])("what is plain comes through as it was sent (seed %i)", (seed) => {
  // HTTP has no upper case in the names of a response.
  const plain = fc.dictionary(fc.stringMatching(/^[a-z0-9_.-]{1,9}$/), fc.stringMatching(/^[!-~]{0,9}$/));
  fc.assert(
    fc.property(plain, (properties) => {
      const bag = formatPropertyBag(Object.entries(properties));
      const message = { sequence: 1, bag, bodyBase64: "", expiry: 0, deliveryCount: 1 };
      expect(Object.fromEntries(propertiesOf(headersOf(message, "t")))).toEqual(properties);
    }),
    { seed, numRuns: 200 },
  );
});
