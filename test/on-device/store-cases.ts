// SPDX-License-Identifier: MIT
/** The SDK's `preference` under the store of the core. */
import Preference from "preference";
import TextDecoder from "text/decoder";
import { PreferenceStore } from "../../hosts/moddable/store";
import { ModdableText } from "../../hosts/moddable/text";
import { AssignmentStore, SLOT_KEYS } from "../../src/storage/assignment-store";
import { type Case, equal, refused } from "./check";
import { storeContract } from "./store-contract";

const DOMAIN = "berth-test";
const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));
const store = new PreferenceStore(Preference, DOMAIN);

export const storeCases: readonly Case[] = [
  ...storeContract(store).map(({ name, run }) => ({ name: `store: ${name}`, run })),
  {
    name: "store: a value of another type is store-failed",
    run: () => {
      Preference.set(DOMAIN, "text", "no bytes");
      refused("store-failed", () => store.read("text"));
      store.delete("text");
    },
  },
  {
    name: "store: an assignment is kept, replaced and forgotten",
    run: () => {
      for (const key of SLOT_KEYS) store.delete(key);
      const fresh = () => new AssignmentStore(store, text);
      equal(fresh().read(), undefined);
      for (const hub of ["hub-1.example", "hub-2.example", "hub-3.example"]) {
        const assignment = { idScope: "0ne1", registrationId: "d", hub, deviceId: "kitchen", assignedAt: 5 };
        fresh().write(assignment);
        equal(fresh().read()?.hub, hub);
      }
      fresh().forget();
      equal(fresh().read(), undefined);
      for (const key of SLOT_KEYS) store.delete(key);
    },
  },
];
