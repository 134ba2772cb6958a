// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process; the SDK's own types contradict what it accepts.
/**
 * The application of test/helpers/hub-scenarios.ts on Microsoft's SDK. A command a line of standard input, as JSON
 * `{"id", "command", "argument"}`; its result, and what the application is told, a line of standard output.
 * The connection string and the model id are in the environment; with EMULATOR_HTTPS_PORT it speaks over WebSocket.
 */
const { createInterface } = require("node:readline");
const { Client, Message } = require("azure-iot-device");
const { Mqtt, MqttWs } = require("azure-iot-device-mqtt");

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const tell = (kind, what) => say({ kind, what });

const client = Client.fromConnectionString(
  process.env.CONNECTION_STRING,
  process.env.EMULATOR_HTTPS_PORT ? MqttWs : Mqtt,
);
const waiting = [];
let twin;

function settle(message) {
  const how = message.properties.getValue("settle") ?? "complete";
  return new Promise((resolve) => {
    try {
      client[how](message, (error) => resolve(error ? error.name : how));
    } catch (error) {
      resolve(error.name);
    }
  });
}

const commands = {
  async connect() {
    await client.setOptions({ modelId: process.env.MODEL_ID });
    await client.open();
    client.on("message", async (message) => {
      const properties = Object.fromEntries(
        message.properties.propertyList.map(({ key, value }) => [key, value]),
      );
      const { messageId } = message;
      tell("message", {
        text: message.getData().toString(),
        properties,
        messageId,
        settled: await settle(message),
      });
    });
    client.onDeviceMethod("echo", (request, response) => response.send(200, request.payload));
    client.onDeviceMethod("later", (request, response) => {
      waiting.push(response);
      tell("later", request.payload);
    });
    client.onDeviceMethod("throwing", () => {
      throw new Error("on purpose");
    });
    client.onDeviceMethod("thermostat1*getMaxMinReport", (_request, response) =>
      response.send(200, { component: "thermostat1" }),
    );
    twin = await client.getTwin();
    twin.on("properties.desired", (desired) => tell("desired", desired));
  },
  async getTwin() {
    twin = await client.getTwin();
    return twin.properties;
  },
  report: (patch) =>
    new Promise((resolve, reject) => {
      twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
    }),
  async sendTelemetry({ body, component }) {
    const message = new Message(JSON.stringify(body));
    message.contentType = "application/json";
    message.contentEncoding = "utf-8";
    if (component) message.properties.add("$.sub", component);
    await client.sendEvent(message);
  },
  answerLater: (payload) => waiting.shift().send(202, payload),
  async disconnect() {
    await client.close();
  },
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, command, argument } = JSON.parse(line);
    try {
      say({ id, result: (await commands[command](argument)) ?? null });
    } catch (error) {
      say({ id, error: `${error.name}: ${error.message}` });
    }
  })
  .on("close", () => process.exit());
