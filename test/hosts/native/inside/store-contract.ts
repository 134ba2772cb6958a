// SPDX-License-Identifier: MIT
/** Inside berth-native: its store by the contract. The directory is the first line of input; what fails is printed. */
import { readLines } from "../../../../hosts/native/linux/lines";
import { natives } from "../../../../hosts/native/linux/natives";
import { LinuxStore } from "../../../../hosts/native/linux/store";
import { text } from "../../../../hosts/native/linux/text";
import { storeContract } from "../../../on-device/store-contract";

readLines((directory) => {
  if (directory === undefined) return;
  for (const { name, run } of storeContract(new LinuxStore(natives, directory))) {
    let end = "ok";
    try {
      run();
    } catch (error) {
      end = String(error);
    }
    natives.print(text.encode(`${name}: ${end}`));
  }
  natives.exit(0);
});
