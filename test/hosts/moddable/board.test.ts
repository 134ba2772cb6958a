// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { BerthError } from "../../../src/error";

type Board = typeof import("../../../hosts/moddable/board");
type OnPush = (down: number) => void;

/** What the SDK puts there: `Host` of the target, and `trace`. */
const sdk = globalThis as { Host?: unknown; trace?: unknown };
const { trace } = sdk;
let pushes: OnPush[];
let lines: string[];
let lights: string[];

beforeEach(() => {
  [pushes, lines, lights] = [[], [], []];
  sdk.trace = (line: string) => lines.push(line);
  sdk.Host = {
    LED: {
      Default: class {
        constructor() {
          lights.push("made");
        }
        on() {
          lights.push("on");
        }
        off() {
          lights.push("off");
        }
      },
    },
    Button: {
      Default: class {
        constructor({ onPush }: { onPush: OnPush }) {
          pushes.push(onPush);
        }
      },
    },
  };
});

afterEach(() => {
  delete sdk.Host;
  sdk.trace = trace;
  jest.useRealTimers();
});

/** The module as after a start of the chip: it keeps the light. */
async function started(): Promise<Board> {
  jest.resetModules();
  return import("../../../hosts/moddable/board");
}

/** Down and up, with the time in between. */
function press(): void {
  pushes[0]?.(1);
  pushes[0]?.(0);
  jest.advanceTimersByTime(50);
}

test("the light is made once, and switched", async () => {
  const { light } = await started();
  light(true);
  light(false);
  expect(lights).toEqual(["made", "on", "off"]);
});

test("a simulator has neither", async () => {
  delete sdk.Host;
  const { button, light } = await started();
  light(true);
  expect(button(() => {})).toBe(false);
});

test("a press is one call: neither its end nor what bounces within 50 ms, also when the clock was set back", async () => {
  jest.useFakeTimers({ now: 1_000_000 });
  const { button } = await started();
  const onPress = jest.fn();
  expect(button(onPress)).toBe(true);
  for (const down of [1, 0, 1, 0]) pushes[0]?.(down);
  expect(onPress).toHaveBeenCalledTimes(1);
  jest.setSystemTime(1_000_049);
  press();
  expect(onPress).toHaveBeenCalledTimes(1);
  jest.setSystemTime(1_000_050);
  press();
  expect(onPress).toHaveBeenCalledTimes(2);
  jest.setSystemTime(5_000);
  press();
  expect(onPress).toHaveBeenCalledTimes(3);
});

test("what the app's handler throws is reported, and the next press counts", async () => {
  jest.useFakeTimers();
  const { button } = await started();
  const errors: BerthError[] = [];
  const onPress = jest.fn(() => {
    throw new RangeError("no such pin");
  });
  button(onPress, (error) => errors.push(error));
  press();
  press();
  expect(onPress).toHaveBeenCalledTimes(2);
  expect(errors.map(({ code, message }) => [code, message])).toEqual(
    Array(2).fill([
      "handler-failed",
      "a handler of the application threw; mend it (onPress of button: no such pin)",
    ]),
  );
  expect(lines).toEqual([]);
});

test("without onError it is a line for people; what onError throws does not reach the native callback", async () => {
  jest.useFakeTimers();
  const { button } = await started();
  const fail = () => {
    throw new Error("no");
  };
  button(fail);
  press();
  expect(lines).toEqual(["a handler of the application threw; mend it (onPress of button: no)\n"]);
  button(fail, fail);
  expect(() => pushes[1]?.(1)).not.toThrow();
});
