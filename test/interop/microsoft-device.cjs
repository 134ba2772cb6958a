// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process; the SDKs' own types contradict what they accept.
/**
 * A device made of Microsoft's SDKs, as their samples have it: provisions, connects to the assigned hub, sends
 * telemetry, takes a cloud-to-device message and a method call, reads its twin and reports. One JSON line a step.
 * Input: JSON in the environment variable DEVICE.
 */
const { Client, Message } = require("azure-iot-device");
const { Mqtt, MqttWs } = require("azure-iot-device-mqtt");
const { ProvisioningDeviceClient } = require("azure-iot-provisioning-device");
const { Mqtt: ProvisioningMqtt, MqttWs: ProvisioningMqttWs } = require("azure-iot-provisioning-device-mqtt");
const { SymmetricKeySecurityClient } = require("azure-iot-security-symmetric-key");
const { X509Security } = require("azure-iot-security-x509");

const { host, idScope, registrationId, key, cert, certKey, payload, webSocket } = JSON.parse(
  process.env.DEVICE,
);
const say = (step, details = {}) => process.stdout.write(`${JSON.stringify({ step, ...details })}\n`);

async function main() {
  const security = key
    ? new SymmetricKeySecurityClient(registrationId, key)
    : new X509Security(registrationId, { cert, key: certKey });
  const transport = webSocket ? new ProvisioningMqttWs() : new ProvisioningMqtt();
  const provisioning = ProvisioningDeviceClient.create(host, idScope, transport, security);
  if (payload) provisioning.setProvisioningPayload(payload);
  const result = await provisioning.register();
  say("assigned", { hub: result.assignedHub, deviceId: result.deviceId, payload: result.payload });

  const connection = `HostName=${result.assignedHub};DeviceId=${result.deviceId}`;
  const client = Client.fromConnectionString(
    key ? `${connection};SharedAccessKey=${key}` : `${connection};x509=true`,
    webSocket ? MqttWs : Mqtt,
  );
  if (!key) await client.setOptions({ cert, key: certKey });
  await client.open();
  say("connected");

  const received = new Promise((resolve) => {
    client.on("message", (message) => {
      const properties = message.properties.propertyList.map(({ key, value }) => [key, value]);
      client.complete(message, () =>
        resolve({ text: message.getData().toString(), properties, messageId: message.messageId }),
      );
    });
  });
  const called = new Promise((resolve) => {
    client.onDeviceMethod("blink", (request, response) => {
      response.send(200, { times: request.payload.times }, () => resolve());
    });
  });

  const twin = await client.getTwin();
  say("twin", { desired: twin.properties.desired });
  await new Promise((resolve, reject) => {
    twin.properties.reported.update({ firmware: "1.0" }, (error) => (error ? reject(error) : resolve()));
  });
  say("reported");

  const message = new Message(JSON.stringify({ temperature: 21 }));
  message.contentType = "application/json";
  message.contentEncoding = "utf-8";
  message.messageId = "m-1";
  message.properties.add("room", "küche & co");
  await client.sendEvent(message);
  say("sent");

  say("message", await received);
  await called;
  say("called");
  await client.close();
  say("closed");
}

main().catch((error) => {
  say("failed", { name: error.name, message: error.message });
  process.exitCode = 1;
});
