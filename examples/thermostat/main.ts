// SPDX-License-Identifier: MIT
/** Microsoft's model dtmi:com:example:Thermostat;1 in full: one telemetry, two properties, one command. */
import Device, { log, writableAnswer } from "berth";

const samples: { time: number; celsius: number }[] = [];
let [temperature, target, highest] = [21, 21, Number.NEGATIVE_INFINITY];

const device = new Device({
  modelId: "dtmi:com:example:Thermostat;1",
  methods: { getMaxMinReport: (since) => reportSince(Date.parse(String(since))) },
  onDesired({ targetTemperature: wanted, $version }, { complete }) {
    if (wanted === undefined && !complete) return;
    if (typeof wanted === "number") target = wanted;
    // Where nothing is desired the device's own value counts, with version 0; what is no number is refused.
    const status = typeof wanted === "number" ? 200 : (wanted ?? null) === null ? 203 : 400;
    this.report({ targetTemperature: writableAnswer(target, status === 203 ? 0 : $version, status) });
  },
  onError: ({ where, error }) => log(`${where}: ${error.message}`),
});

function reportSince(from: number) {
  const taken = samples.filter(({ time }) => time >= from).map(({ celsius }) => celsius);
  if (taken.length === 0) return { status: 404 };
  const avgTemp = taken.reduce((sum, celsius) => sum + celsius) / taken.length;
  const [startTime, endTime] = [new Date(from).toISOString(), new Date().toISOString()];
  const payload = { maxTemp: Math.max(...taken), minTemp: Math.min(...taken), avgTemp, startTime, endTime };
  return { status: 200, payload };
}

function measure(): void {
  temperature += (target - temperature) / 4;
  if (samples.push({ time: Date.now(), celsius: temperature }) > 100) samples.shift();
  device.send({ temperature }, { createdAt: new Date() });
  if (temperature <= highest) return;
  highest = temperature;
  device.report({ maxTempSinceLastReboot: highest });
}

measure();
device.every(5_000, measure);
