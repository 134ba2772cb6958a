// SPDX-License-Identifier: MIT
/** Measures every ten seconds. Without a connection the newest 100 measurements wait. */
import Device, { log } from "berth";

const device = new Device({
  outbox: { capacity: 100, whenFull: "drop-oldest" },
  onConnected({ hub, deviceId }) {
    log(`${deviceId} at ${hub}`);
  },
  onAcknowledged(count) {
    log(`${count} at the hub`);
  },
  onError({ where, error, retryIn }) {
    log(`${where}: ${error.message}${retryIn === undefined ? "" : `; again in ${retryIn} ms`}`);
  },
});

/** Your sensor. */
function celsius(): number {
  return 20 + Math.round(Math.random() * 50) / 10;
}

function measure(): void {
  device.send({ celsius: celsius() }, { createdAt: new Date() });
}

measure();
device.every(10_000, measure);
