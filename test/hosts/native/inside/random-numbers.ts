// SPDX-License-Identifier: MIT
/** Inside berth-native: the first random numbers of a run, as the back-off takes them and as SNTP does. */
import { natives } from "../../../../hosts/native/linux/natives";
import { text } from "../../../../hosts/native/linux/text";
import { randomBytes, randomOf } from "../../../../hosts/native/random";

const random = randomOf(natives.fillRandom);
natives.print(text.encode(String(random())));
natives.print(text.encode(randomBytes(natives.fillRandom, 8).join(",")));
natives.exit(0);
