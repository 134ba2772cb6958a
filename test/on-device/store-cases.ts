// SPDX-License-Identifier: MIT
/** The SDK's `preference` under the store of the core. */
import Preference from "preference";
import TextDecoder from "text/decoder";
import { PreferenceStore } from "../../hosts/moddable/store";
import { ModdableText } from "../../hosts/moddable/text";
import { AssignmentStore, SLOT_KEYS } from "../../src/storage/assignment-store";
import { type Case, equal, refused } from "./check";

const DOMAIN = "berth-test";
const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));
const store = new PreferenceStore(Preference, DOMAIN);

export const storeCases: readonly Case[] = [
  {
    name: "store: bytes of every value, up to 4,000, in a key of 15 characters",
    run: () => {
      const key = "x".repeat(15);
      for (const length of [1, 255, 4000]) {
        const value = Uint8Array.from({ length }, (_, i) => i & 0xff);
        store.write(key, value);
        equal(store.read(key), value);
      }
      store.delete(key);
      equal(store.read(key), undefined);
    },
  },
  {
    name: "store: deleting what is not there is no error",
    run: () => store.delete("nothing"),
  },
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
