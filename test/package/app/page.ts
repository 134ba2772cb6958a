// SPDX-License-Identifier: MIT
/** An application that knows docs/api.md alone, in the TypeScript that people write. Who it is: the environment. */
import Device, { commandName, type DeviceError, log, type MethodHandlers, writableAnswer } from "berth";
import { transports } from "berth/transports";

enum Mode {
  Idle,
  Heating,
}

class Heater {
  mode = Mode.Idle;
  constructor(private target: number) {}
  heatTo(target: number): Mode {
    this.mode = target > this.target ? Mode.Heating : Mode.Idle;
    this.target = target;
    return this.mode;
  }
}

const heater = new Heater(20);
const methods: MethodHandlers = {
  [commandName("mode", "heater")]: () => ({ status: 200, payload: Mode[heater.mode] }),
};
const onError = ({ where, error }: DeviceError): void => log(`${where}: ${error.code}`);

new Device({
  transports: transports("tcp", "websocket"),
  methods,
  onError,
  onDesired({ target, $version }) {
    if (typeof target !== "number") return;
    heater.heatTo(target);
    this.report({ target: writableAnswer(target, $version) });
    this.send({ target }, { component: "heater" });
  },
});
