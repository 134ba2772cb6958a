// SPDX-License-Identifier: MIT
/** A button tells the cloud that it was pressed; the cloud switches the light. */
import Device, { log } from "berth";
import { button, light } from "berth/board";

const device = new Device({
  methods: {
    light(payload) {
      if (typeof payload !== "boolean") return { status: 400, payload: { reason: "true or false" } };
      light(payload);
      device.report({ light: payload });
      return { status: 200 };
    },
  },
  onConnected: () => log("press the button"),
  twin: {},
  onError: ({ where, error }) => log(`${where}: ${error.message}`),
});

let presses = 0;
button(() => {
  presses += 1;
  if (!device.send({ presses })) log("no room: the press is lost");
});
