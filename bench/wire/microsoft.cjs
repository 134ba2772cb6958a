// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process; the SDKs' own types contradict what they accept.
/** The same as ours.ts by Microsoft's SDKs for Node.js, unmodified and used as their samples have it. */
const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const { ProvisioningDeviceClient } = require("azure-iot-provisioning-device");
const { Mqtt: ProvisioningMqtt } = require("azure-iot-provisioning-device-mqtt");
const { SymmetricKeySecurityClient } = require("azure-iot-security-symmetric-key");

const { host, idScope, registrationId, key, messages, payload } = JSON.parse(process.env.DEVICE);

async function main() {
  const started = performance.now();
  const security = new SymmetricKeySecurityClient(registrationId, key);
  const provisioning = ProvisioningDeviceClient.create(host, idScope, new ProvisioningMqtt(), security);
  const { assignedHub, deviceId } = await provisioning.register();
  const client = Client.fromConnectionString(
    `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${key}`,
    Mqtt,
  );
  await client.open();
  for (let i = 0; i < messages; i += 1) await client.sendEvent(new Message(payload));
  await client.close();
  console.log(JSON.stringify({ elapsed: performance.now() - started }));
}

main();
