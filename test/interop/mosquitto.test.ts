// SPDX-License-Identifier: MIT
/**
 * mosquitto's tools do what the public articles do by hand. A tool has one connection and does one thing on it, and DPS
 * knows a device by one connection, so that requests and answers go through mosquitto's broker as a bridge.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import type { Emulator } from "../../emulator/emulator";
import { articleToken, pollTopic, RESPONSES, registerTopic } from "../helpers/article";
import { dpsUser, HUB, hubUser, KEY, SCOPE, SECOND_KEY, startEmulator } from "../helpers/emulator-client";
import { Bridge, PATIENCE, run, withMosquitto } from "../helpers/mosquitto";

const ID = "dev-1";
let emulator: Emulator;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-mosquitto-"));
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.stop();
  rmSync(directory, { recursive: true });
});

const dpsPassword = articleToken(`${SCOPE}/registrations/${ID}`, KEY, "registration");
const hubPassword = articleToken(`${HUB}/devices/${ID}`, KEY, undefined);

/** A tool's options for a connection to the emulator. */
const connection = (id: string, username: string, ...identity: readonly string[]) => [
  ...[
    "-h",
    "127.0.0.1",
    "-p",
    String(emulator.port),
    "--cafile",
    emulator.ca.path,
    "--tls-version",
    "tlsv1.2",
  ],
  ...["-V", "mqttv311", "-i", id, "-u", username, "-q", "1", ...identity],
];
const toHub = (username = hubUser(ID)) => connection(ID, username, "-P", hubPassword);

/** A bridge's settings for the same. */
const bridge = (id: string, username: string, ...identity: readonly string[]) => [
  `address 127.0.0.1:${emulator.port}`,
  `bridge_cafile ${emulator.ca.path}`,
  `remote_clientid ${id}`,
  `remote_username ${username}`,
  ...identity,
];

async function withBridge(settings: readonly string[], visit: (bridge: Bridge) => Promise<void>) {
  const bridge = new Bridge(directory, settings);
  try {
    await visit(bridge);
  } finally {
    await bridge.stop();
  }
}

/** The articles: subscribe, register, read the operation, poll without a body; what DPS says of the registration. */
async function provision(id: string, ...identity: readonly string[]): Promise<unknown> {
  const root = "$dps/registrations/";
  const at = (topic: string) => topic.replace(root, "dps/");
  let state: unknown;
  await withBridge(
    [
      ...bridge(id, dpsUser(id), ...identity, "try_private false"),
      `topic ${at(RESPONSES).slice("dps/".length)} in 1 dps/ ${root}`,
      `topic PUT/# out 1 dps/ ${root}`,
      `topic GET/# out 1 dps/ ${root}`,
    ],
    async (dps) => {
      await dps.connected();
      const body = ["-m", `{"registrationId": "${id}"}`];
      const first = await dps.ask(at(registerTopic(1)), "dps/res/202/?$rid=1&retry-after=3", body);
      expect(first).toEqual({ operationId: expect.any(String), status: "assigning" });
      const { operationId } = first as { operationId: string };
      const second = await dps.ask(at(pollTopic(2, operationId)), "dps/res/200/?$rid=2", ["-n"]);
      expect(second).toMatchObject({ operationId, status: "assigned" });
      state = (second as { registrationState: unknown }).registrationState;
    },
  );
  return state;
}

describe("the articles' steps", () => {
  withMosquitto(
    "symmetric key: SAS, subscribe, register, poll; then the hub, by each form of its user name",
    async () => {
      const subscribe = [...connection(ID, dpsUser(ID), "-P", dpsPassword), "-t", RESPONSES, "-E", "-d"];
      expect(await run("mosquitto_sub", subscribe)).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^Subscribed \(mid: \d+\): 1$/m),
      });
      const state = await provision(ID, `remote_password ${dpsPassword}`);
      expect(state).toMatchObject({ assignedHub: HUB, deviceId: ID, symmetricKey: {} });
      const names = [`${HUB}/${ID}`, `${HUB}/${ID}/`, `${HUB}/${ID}/api-version=2016-11-14`, hubUser(ID)];
      for (const [index, username] of names.entries()) {
        const message = ["-t", `devices/${ID}/messages/events/n=${index}`, "-m", username];
        expect(await run("mosquitto_pub", [...toHub(username), ...message])).toMatchObject({ status: 0 });
      }
      expect(emulator.telemetry.map(({ body }) => body.toString())).toEqual(names);
    },
  );

  withMosquitto("messages to the device, by its own filter and by the one with a plus", async () => {
    for (const device of [ID, "+"]) {
      await emulator.sendCloudToDevice(HUB, ID, "hello", { colour: "blue" });
      const args = [
        "-t",
        `devices/${device}/messages/devicebound/#`,
        "-C",
        "1",
        "-W",
        PATIENCE,
        "-F",
        "%t %p",
      ];
      const { status, stdout } = await run("mosquitto_sub", [...toHub(), ...args]);
      expect([status, stdout]).toEqual([
        0,
        `devices/${ID}/messages/devicebound/%24.to=%2Fdevices%2F${ID}%2Fmessages%2Fdevicebound&colour=blue hello\n`,
      ]);
    }
  });

  withMosquitto(
    "x.509: a self-signed certificate, and a chain to a group's root, without a password",
    async () => {
      const keyType = "ec-p256";
      const own = await createDeviceCertificate({ commonName: "own-1", keyType });
      emulator.setEnrollment({
        registrationId: "own-1",
        attestation: {
          type: "x509",
          x509: { clientCertificates: { primary: { certificate: own.certificatePem } } },
        },
      });
      const root = await createRootCertificate({ commonName: "factory root", keyType });
      const line = await createIntermediateCertificate({ commonName: "factory line", keyType }, root);
      emulator.setEnrollmentGroup({
        enrollmentGroupId: "factory",
        attestation: {
          type: "x509",
          x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
        },
      });
      const unit = await createDeviceCertificate({ commonName: "unit-1", keyType }, line);
      const files = (id: string, leaf: CertificateAndKey, ...issuers: CertificateAndKey[]) => {
        const [cert, key] = [join(directory, `${id}.pem`), join(directory, `${id}.key`)];
        writeFileSync(cert, [leaf, ...issuers].map(({ certificatePem }) => certificatePem).join(""));
        writeFileSync(key, leaf.privateKeyPem, { mode: 0o600 });
        return { cert, key };
      };
      for (const [id, { cert, key }, x509] of [
        ["own-1", files("own-1", own), {}],
        ["unit-1", files("unit-1", unit, line), { enrollmentGroupId: "factory" }],
      ] as const) {
        const state = await provision(id, `bridge_certfile ${cert}`, `bridge_keyfile ${key}`);
        expect(state).toMatchObject({ deviceId: id, assignedHub: HUB });
        expect((state as { x509: object }).x509).toEqual(x509);
        const at = connection(id, hubUser(id), "--cert", cert, "--key", key);
        const message = ["-t", `devices/${id}/messages/events/`, "-m", id];
        expect(await run("mosquitto_pub", [...at, ...message])).toMatchObject({ status: 0 });
        expect(emulator.telemetry.at(-1)!.deviceId).toBe(id);
      }
    },
  );

  withMosquitto("what Azure refuses ends with the status of its CONNACK", async () => {
    const end = (token: string) =>
      run("mosquitto_pub", [...connection(ID, dpsUser(ID), "-P", token), "-t", registerTopic(1), "-n"]);
    const wrongKey = articleToken(
      `${SCOPE}/registrations/${ID}`,
      Buffer.alloc(32).toString("base64"),
      undefined,
    );
    const singular = articleToken(`${SCOPE}/registration/${ID}`, KEY, "registration");
    const policy = articleToken(`${SCOPE}/registrations/${ID}`, KEY, "owner");
    for (const token of [wrongKey, singular, policy]) {
      expect(await end(token)).toMatchObject({
        status: 5,
        stderr: expect.stringContaining("not authorised"),
      });
    }
    const withoutPolicy = articleToken(`${SCOPE}/registrations/${ID}`, SECOND_KEY, undefined);
    expect(await end(withoutPolicy)).toMatchObject({ status: 0 });
  });
});

describe("a bridge to a hub", () => {
  const toHubAndBack = () => [
    ...bridge(ID, hubUser(ID), `remote_password ${hubPassword}`),
    `topic devices/${ID}/messages/events/# out 1`,
    `topic devices/${ID}/messages/devicebound/# in 1`,
    "topic res/# in 1 twin/ $iothub/twin/",
    "topic GET/# out 1 twin/ $iothub/twin/",
    "topic PATCH/properties/reported/# out 1 twin/ $iothub/twin/",
  ];

  withMosquitto(
    "with try_private false connects, and carries messages, both ways, and the twin",
    async () => {
      await withBridge([...toHubAndBack(), "try_private false"], async (hub) => {
        await hub.connected();
        const arrived = new Promise<string>((resolve) =>
          emulator.events.once("telemetry", ({ body }) => resolve(body.toString())),
        );
        await hub.publish(`devices/${ID}/messages/events/`, "over the bridge");
        expect(await arrived).toBe("over the bridge");

        const patch = (id: number, status: string, body: string) =>
          hub.ask(`twin/PATCH/properties/reported/?$rid=${id}`, `twin/res/${status}`, ["-m", body]);
        expect(await patch(1, "204/?$rid=1&$version=2", '{"a":1}')).toBeUndefined();
        expect(await patch(2, "400/?$rid=2", '{"a.b":1}')).toMatchObject({ errorCode: 400004 });
        expect(await hub.ask("twin/GET/?$rid=3", "twin/res/200/?$rid=3", ["-n"])).toEqual({
          desired: { $version: 1 },
          reported: { a: 1, $version: 2 },
        });

        const listen = [...hub.local, "-c", "-i", "listener", "-t", "devices/#", "-F", "%p"];
        // The first time only to subscribe, in a session that is kept.
        expect(await run("mosquitto_sub", [...listen, "-E"])).toMatchObject({ status: 0 });
        await emulator.sendCloudToDevice(HUB, ID, "to the bridge");
        expect((await run("mosquitto_sub", [...listen, "-C", "1", "-W", PATIENCE])).stdout).toBe(
          "to the bridge\n",
        );
      });
    },
  );

  withMosquitto("with try_private true is refused with CONNACK 1, as at Azure", async () => {
    const refused = new Promise((resolve) => emulator.events.once("refuse", resolve));
    const broker = new Bridge(directory, [...toHubAndBack(), "try_private true"]);
    try {
      expect(await refused).toMatchObject({
        id: ID,
        returnCode: 1,
        reason: expect.stringContaining("try_private false"),
      });
    } finally {
      await broker.stop();
    }
  });
});
