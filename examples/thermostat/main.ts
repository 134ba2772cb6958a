// SPDX-License-Identifier: MIT
/** Microsoft's model dtmi:com:example:Thermostat;1 in full: one telemetry, two properties, one command. */
import Device, { log, writableAnswer } from "berth";

const started = new Date();
const samples: { time: number; celsius: number }[] = [];
let temperature = 21;
let target = 21;
let highest = Number.NEGATIVE_INFINITY;

const device = new Device({
  modelId: "dtmi:com:example:Thermostat;1",
  methods: {
    getMaxMinReport(since) {
      const from = Date.parse(typeof since === "string" ? since : started.toISOString());
      const taken = samples.filter(({ time }) => time >= from).map(({ celsius }) => celsius);
      if (taken.length === 0) return { status: 404 };
      const avgTemp = taken.reduce((sum, celsius) => sum + celsius, 0) / taken.length;
      const [startTime, endTime] = [new Date(from).toISOString(), new Date().toISOString()];
      const payload = {
        maxTemp: Math.max(...taken),
        minTemp: Math.min(...taken),
        avgTemp,
        startTime,
        endTime,
      };
      return { status: 200, payload };
    },
  },
  onDesired({ targetTemperature, $version }) {
    const valid = typeof targetTemperature === "number";
    if (valid) target = targetTemperature;
    // Without a desired value the device's own is reported, with version 0.
    this.report({ targetTemperature: writableAnswer(target, valid ? $version : 0, valid ? 200 : 203) });
    log(`target ${target} °C`);
  },
  onError: ({ where, error }) => log(`${where}: ${error.message}`),
});

device.every(5_000, () => {
  temperature += (target - temperature) / 4;
  samples.push({ time: Date.now(), celsius: temperature });
  if (samples.length > 100) samples.shift();
  device.send({ temperature }, { createdAt: new Date() });
  if (temperature <= highest) return;
  highest = temperature;
  device.report({ maxTempSinceLastReboot: highest });
});
