// SPDX-License-Identifier: MIT
/** A button tells the cloud that it was pressed; the cloud switches the light. */
import Device, { log } from "berth";
import { button, light } from "berth/board";

const device = new Device({
  methods: {
    light(on) {
      if (typeof on !== "boolean") return { status: 400, payload: { reason: "true or false" } };
      light(on);
      device.report({ light: on });
      return { status: 200 };
    },
  },
  twin: {},
  onConnected: () => log("press the button"),
  onError: ({ where, error }) => log(`${where}: ${error.message}`),
});

let presses = 0;
button(() => {
  presses += 1;
  if (!device.send({ presses })) log("no room: the press is lost");
});
