// SPDX-License-Identifier: MIT
/** The cloud says what to do: how often by a desired property, blink by a direct method, anything by a message. */
import Device, { log } from "berth";

let stop = (): void => {};

const device = new Device({
  methods: {
    /** `{ "times": 3 }`; answers when it is done. */
    blink(payload, call) {
      const { times = 1 } = (payload ?? {}) as { times?: number };
      if (!(times >= 1 && times <= 10)) return { status: 400, payload: { reason: "times is not 1 to 10" } };
      let left = times;
      const end = device.every(200, () => {
        log("blink");
        left -= 1;
        if (left > 0) return;
        end();
        call.answer(200, { blinked: times });
      });
      return undefined;
    },
  },
  onDesired({ period }) {
    if (typeof period !== "number" || !(period >= 1 && period <= 86_400)) return;
    stop();
    stop = this.every(period * 1000, () => this.send({ time: Date.now() }));
    this.report({ period });
    log(`telemetry every ${period} s`);
  },
  onMessage({ byteLength, properties }) {
    log(`a message of ${byteLength} bytes, ${JSON.stringify(properties)}`);
  },
  onError: ({ where, error }) => log(`${where}: ${error.message}`),
});
