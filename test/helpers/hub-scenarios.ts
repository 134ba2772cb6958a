// SPDX-License-Identifier: MIT
/**
 * What a device and its hub owe each other, as a table: the service's side of each scenario, played with the emulator.
 * Every device that is to pass them runs the same small application (`ScenarioDevice`), each on its own SDK.
 */
import { expect } from "@jest/globals";
import type { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import { MethodFailed } from "../../emulator/hub/method-failed";
import type { JsonObject } from "../../emulator/json-reader";
import { HUB } from "./emulator-client";

export const MODEL_ID = "dtmi:com:example:TemperatureController;2";
/** The one device, which the emulator has to know. */
export const DEVICE_ID = "scenario-1";

/** What the application was told: a message of the cloud, a change of desired properties, a call of `later`. */
export interface Told {
  /** `settled` is how the application settled it: as asked for by the property `settle`, or why that failed. */
  message: { text: string; properties: Record<string, string>; settled: string; messageId?: string };
  desired: JsonObject;
  later: unknown;
}

/**
 * The application. Its methods: `echo` answers 200 with what it was sent, at once; `later` tells `later` and answers 202
 * once `answerLater` says so; `throwing` throws; `thermostat1*getMaxMinReport` answers 200 with `{"component":"thermostat1"}`.
 * It listens for messages and desired properties from `connect` on, and comes back by itself when it was dropped.
 */
export interface ScenarioDevice {
  /** What a caller gets for a method that is not there, and for one that throws: the status, or 504101 for no answer. */
  readonly unknownMethod: number;
  readonly throwingMethod: number;
  /** What `settled` says of a message that the application rejects. */
  readonly rejected: string;
  /** Connects with the model `MODEL_ID`, and settles once methods, messages and desired properties come. */
  connect(): Promise<void>;
  getTwin(): Promise<{ desired: JsonObject; reported: JsonObject }>;
  /** Settles when the hub has taken it. */
  report(patch: JsonObject): Promise<void>;
  /** Settles when the hub has taken it. @param component the one it comes from */
  sendTelemetry(body: JsonObject, component?: string): Promise<void>;
  answerLater(payload: unknown): Promise<void>;
  /** The next of its kind that the application was told, past or to come. */
  next<K extends keyof Told>(kind: K): Promise<Told[K]>;
}

/** The service's side. */
export interface ScenarioService {
  readonly emulator: Emulator;
  /** The emulator's. */
  readonly clock: ManualClock;
}

type Scenario = (device: ScenarioDevice, service: ScenarioService) => Promise<void>;

const invoke = ({ emulator }: ScenarioService, name: string, payload?: unknown) =>
  emulator.invokeMethod(HUB, DEVICE_ID, name, payload);

/** The status of the answer, or Azure's error code. */
async function outcomeOf(service: ScenarioService, name: string): Promise<number> {
  const outcome = invoke(service, name, { a: 1 }).then(
    ({ status }) => status,
    (error: Error) => {
      if (error instanceof MethodFailed) return error.errorCode;
      throw error;
    },
  );
  // What comes behind it is answered: whatever is not yet, never will be.
  for (let call = 0; call < 2; call++) expect((await invoke(service, "echo", call)).payload).toBe(call);
  service.clock.advance(30_000);
  return outcome;
}

/** What the device is told together with this value of `mark`. */
async function heard(device: ScenarioDevice, mark: number): Promise<JsonObject> {
  for (;;) {
    const desired = await device.next("desired");
    if (desired.mark === mark) return desired;
  }
}

const lookForReported = ({ emulator }: ScenarioService) => emulator.twin(HUB, DEVICE_ID).reported;

const methodAtOnce: Scenario = async (_device, service) => {
  for (const payload of [{ a: [1, "ü"] }, null, "text", 5])
    expect(await invoke(service, "echo", payload)).toMatchObject({ status: 200, payload });
};

const methodLater: Scenario = async (device, service) => {
  const later = invoke(service, "later", { work: 1 });
  expect(await device.next("later")).toEqual({ work: 1 });
  expect(await invoke(service, "echo", "meanwhile")).toMatchObject({ payload: "meanwhile" });
  await device.answerLater({ done: true });
  expect(await later).toMatchObject({ status: 202, payload: { done: true } });
};

const methodTooLate: Scenario = async (device, service) => {
  const late = expect(invoke(service, "later", 1)).rejects.toMatchObject({ errorCode: 504101 });
  await device.next("later");
  service.clock.advance(30_000);
  await late;
  await device.answerLater(1);
  expect(await invoke(service, "echo", 1)).toMatchObject({ status: 200 });
};

const unknownMethod: Scenario = async (device, service) => {
  expect(await outcomeOf(service, "missing")).toBe(device.unknownMethod);
};

const throwingMethod: Scenario = async (device, service) => {
  expect(await outcomeOf(service, "throwing")).toBe(device.throwingMethod);
};

const commandOfComponent: Scenario = async (_device, service) => {
  expect(await invoke(service, "thermostat1*getMaxMinReport", {})).toMatchObject({
    status: 200,
    payload: { component: "thermostat1" },
  });
};

const twinGet: Scenario = async (device, { emulator }) => {
  await emulator.updateDesired(HUB, DEVICE_ID, { mark: 1, nested: { a: "ü" } });
  await heard(device, 1);
  const { desired } = await device.getTwin();
  expect(desired).toMatchObject({ mark: 1, nested: { a: "ü" } });
};

const twinReported: Scenario = async (device, service) => {
  await device.report({ a: { b: 1, c: 2 }, gone: true });
  await device.report({ a: { b: null }, gone: null });
  expect(lookForReported(service)).toEqual({ a: { c: 2 } });
  expect((await device.getTwin()).reported).toMatchObject({ a: { c: 2 } });
};

const twinDesired: Scenario = async (device, { emulator }) => {
  await emulator.updateDesired(HUB, DEVICE_ID, { mark: 2, gone: 1 });
  expect(await heard(device, 2)).toMatchObject({ gone: 1 });
  await emulator.updateDesired(HUB, DEVICE_ID, { mark: 3, gone: null });
  expect(await heard(device, 3)).toMatchObject({ gone: null });
};

const twinReconnect: Scenario = async (device, service) => {
  const { emulator } = service;
  const back = new Promise((resolve) => emulator.events.once("connect", resolve));
  emulator.disconnect(HUB, DEVICE_ID);
  await emulator.updateDesired(HUB, DEVICE_ID, { mark: 4 });
  await back;
  // Told by the twin that is read, or asked for: a change is not sent to who was away.
  expect((await device.getTwin()).desired).toMatchObject({ mark: 4 });
  await emulator.updateDesired(HUB, DEVICE_ID, { mark: 5 });
  await heard(device, 5);
  await device.report({ back: true });
  expect(lookForReported(service)).toMatchObject({ back: true });
  expect(await invoke(service, "echo", "again")).toMatchObject({ payload: "again" });
};

const messageCompleted: Scenario = async (device, { emulator }) => {
  const delivered = new Promise((resolve) => emulator.events.once("delivered", resolve));
  await emulator.sendCloudToDevice(
    HUB,
    DEVICE_ID,
    "hello",
    { colour: "sky blue", settle: "complete" },
    60_000,
    { messageId: "m-1", correlationId: "c-1", contentType: "text/plain", contentEncoding: "utf-8" },
  );
  const message = await device.next("message");
  expect(message).toMatchObject({ text: "hello", messageId: "m-1", settled: "complete" });
  expect(message.properties).toMatchObject({ colour: "sky blue" });
  await delivered;
};

const messageRejected: Scenario = async (device, { emulator }) => {
  const delivered = new Promise((resolve) => emulator.events.once("delivered", resolve));
  await emulator.sendCloudToDevice(HUB, DEVICE_ID, "no", { settle: "reject" });
  expect(await device.next("message")).toMatchObject({ text: "no", settled: device.rejected });
  await delivered;
  expect(emulator.devices.get(HUB, DEVICE_ID)!.queue).toEqual([]);
};

const telemetryOfComponent: Scenario = async (device, { emulator }) => {
  const before = emulator.telemetry.length;
  await device.sendTelemetry({ temperature: 21 }, "thermostat1");
  await device.sendTelemetry({ workingSet: 5 });
  const [first, second, ...more] = emulator.telemetry.slice(before);
  expect(more).toEqual([]);
  expect(first).toMatchObject({ dataSchema: MODEL_ID, subject: "thermostat1" });
  expect(JSON.parse(first!.body.toString())).toEqual({ temperature: 21 });
  expect(Object.fromEntries(first!.properties)).toMatchObject({
    "$.ct": "application/json",
    "$.ce": "utf-8",
  });
  expect(second).toMatchObject({ dataSchema: MODEL_ID });
  expect(second).not.toHaveProperty("subject");
  expect(emulator.devices.get(HUB, DEVICE_ID)!.modelId).toBe(MODEL_ID);
};

/** In this order, on one connected device. */
export const HUB_SCENARIOS: readonly (readonly [string, Scenario])[] = [
  ["a method answered at once", methodAtOnce],
  ["a method answered later, with another in between", methodLater],
  ["a method answered too late", methodTooLate],
  ["a method that is not there", unknownMethod],
  ["a method that throws", throwingMethod],
  ["a command of a component", commandOfComponent],
  ["the twin is read", twinGet],
  ["reported properties, and null deletes", twinReported],
  ["desired properties, and null deletes", twinDesired],
  ["a connection that breaks: what was missed, changes, reports and methods", twinReconnect],
  ["a message that is completed, with its system properties", messageCompleted],
  ["a message that is rejected", messageRejected],
  ["telemetry of a component and of the model itself", telemetryOfComponent],
];
