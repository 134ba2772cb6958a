// SPDX-License-Identifier: MIT
/**
 * Once its first connection is lost, it takes the memory that the next one needs, as connections of its own that go
 * nowhere, and gives it back after a while: Berth has to say what was missing, and to go on. Once it is connected again,
 * its script takes all that XS may have and more: XS has to end it there, with the memory of TLS untouched, and the chip
 * has to come back from what is stored.
 */
import Device, { log } from "berth";
import { TlsContext, TlsEngine } from "berth/natives/tls";
import Resource from "Resource";
import Timer from "timer";

/** Milliseconds. */
const HUNGRY_FOR = 20_000;
const BITE_EVERY = 500;
/** Bytes. */
const BITE = 2_048;
/** ESP-IDF's driver of open_eth goes round for ever, before any script, while it finds no 1,522 bytes for a frame. */
const ROOM = 8_192;
/** Some 4.5 KB each, where an engine has 27. */
const CONTEXTS = 3;
const YEAR_2027 = 1_800_000_000;
const ROOT = new Resource("berth-digicert-global-root-g2.der") as unknown as ArrayBuffer;

let hungry = true;
const eaten: { close(): void }[] = [];
const bitten: Uint8Array[] = [];

const device = new Device({
  onConnected({ hub, source }) {
    log(`connected to ${hub}, assignment ${source}`);
    if (!hungry) device.every(BITE_EVERY, bite);
  },
  onError({ where, error, retryIn }) {
    log(
      `error: ${where}: ${error.code}: ${error.message}${retryIn === undefined ? "" : `; again in ${retryIn} ms`}`,
    );
    if (where === "hub" && hungry) eat();
  },
});
device.every(1_000, () => void device.send({ alive: true }));

function eat(): void {
  if (eaten.length === 0) Timer.set(giveBack, HUNGRY_FOR);
  const newContext = () => new TlsContext([new Uint8Array(ROOT)], 1, [], 0, undefined, 0, 0);
  try {
    const context = newContext();
    for (;;) eaten.push(new TlsEngine(context, "nowhere.example", YEAR_2027, 0, 0));
  } catch (error) {
    log(`ate ${eaten.length}: ${String(error)}`);
    const [before = ""] = String(error).split(" free");
    if (Number(before.split(" ").at(-1)) >= ROOM) return;
    eaten.pop()?.close();
    for (let i = 0; i < CONTEXTS; i += 1) eaten.push(newContext());
  }
}

function giveBack(): void {
  hungry = false;
  for (const one of eaten) one.close();
  log(`gave ${eaten.length} back`);
  eaten.length = 0;
}

function bite(): void {
  bitten.push(new Uint8Array(BITE));
  log(`the script ate ${bitten.length * BITE} bytes`);
}
