// SPDX-License-Identifier: MIT
/** The hostile suite against NodeTransport. */
import { test } from "@jest/globals";
import { nodeClient } from "../helpers/hostile-client";
import { hostileCases, runHostileCase } from "./all-cases";
import { checkOffer } from "./offer";

test("nothing weak is offered", () => checkOffer(nodeClient));

for (const one of hostileCases) {
  if (one.concerns?.(nodeClient) === false) continue;
  test(one.name, () => runHostileCase(one, nodeClient));
}
