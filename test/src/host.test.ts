// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { openTransport, type Transport, type TransportOptions } from "../../src/host";

class Recorder implements Transport {
  static last: TransportOptions | undefined;

  constructor(options: TransportOptions) {
    Recorder.last = options;
  }

  read(): number {
    return 0;
  }

  write(): number {
    return 0;
  }

  close(): void {}
}

const nothing = (): void => {};
const options = { port: 8883, onReadable: nothing, onWritable: nothing, onError: nothing };

test("the class gets the binding's options and the caller's", () => {
  expect(openTransport({ io: Recorder, own: 1 }, { host: "hub.example", ...options })).toBeInstanceOf(
    Recorder,
  );
  expect(Recorder.last).toMatchObject({ own: 1, host: "hub.example", port: 8883 });
});

test.each<[string, number]>([
  ["", 8883],
  ["hub.example", 0],
  ["hub.example", 65_536],
  ["hub.example", 1.5],
])("host %j, port %p are refused before anything is opened", (host, port) => {
  Recorder.last = undefined;
  const open = (): unknown => openTransport({ io: Recorder }, { ...options, host, port });
  expect(open).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(Recorder.last).toBeUndefined();
});
