// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { PreferenceRegion } from "../../../hosts/moddable/preference-region";
import type { PreferenceValue } from "../../../hosts/moddable/store";
import { flashQueue } from "../../helpers/flash-queue";

test("an outbox of a simulator outlasts its restart, and is written over when it is done with", () => {
  const values = new Map<string, PreferenceValue>();
  const preferences = {
    get: (domain: string, key: string) => values.get(`${domain}/${key}`),
    set: (domain: string, key: string, value: PreferenceValue) => void values.set(`${domain}/${key}`, value),
    delete: (domain: string, key: string) => void values.delete(`${domain}/${key}`),
  };
  const texts = Array.from({ length: 100 }, (_, i) => `message ${i} ${"x".repeat(200)}`);
  for (let round = 0; round < 3; round += 1) {
    const { add } = flashQueue(new PreferenceRegion(preferences));
    for (const text of texts) add(text);
    expect(flashQueue(new PreferenceRegion(preferences)).drain()).toEqual(texts);
  }
  expect(values.size).toBe(8);
});
