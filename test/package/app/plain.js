// SPDX-License-Identifier: MIT
/** The application of page.ts in JavaScript. */
import { Device, log, writableAnswer } from "berth";
import { transports } from "berth/transports";

let mode = "Idle";
new Device({
  transports: transports("tcp", "websocket"),
  methods: { "heater*mode": () => ({ status: 200, payload: mode }) },
  onError: ({ where, error }) => log(`${where}: ${error.code}`),
  onDesired({ target, $version }) {
    if (typeof target !== "number") return;
    mode = target > 20 ? "Heating" : "Idle";
    this.report({ target: writableAnswer(target, $version) });
    this.send({ target }, { component: "heater" });
  },
});
