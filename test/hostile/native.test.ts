// SPDX-License-Identifier: MIT
/** The hostile suite against mbedTLS as boards have it, under sanitizers. */
import { afterAll, test } from "@jest/globals";
import { buildNativeClient } from "../helpers/hostile-native-client";
import { hostileCases, runHostileCase } from "./all-cases";
import { nativeExceptions } from "./native-exceptions";
import { checkOffer } from "./offer";

const client = buildNativeClient(nativeExceptions);

afterAll(() => client?.remove());

if (client === undefined) {
  test.skip("there is a C compiler and mbedTLS 2.28 (Debian: libmbedtls-dev)", () => undefined);
} else {
  test("nothing weak is offered", () => checkOffer(client));

  for (const one of hostileCases) {
    if (one.concerns?.(client) === false) continue;
    test(one.name, () => runHostileCase(one, client));
  }
}
