// SPDX-License-Identifier: MIT
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { deriveDeviceKey } from "../../emulator/shared-access-signature";
import {
  dpsToken,
  dpsUser,
  GROUP_KEY,
  inAnHour,
  KEY,
  open,
  openDps,
  poll,
  provision,
  record,
  register,
  SCOPE,
  SECOND_KEY,
  startEmulator,
  token,
} from "../helpers/emulator-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

async function connackOf(changes: {
  clientId?: string;
  username?: string;
  password?: string;
  protocolVersion?: 3 | 4 | 5;
}) {
  const client = await open(emulator);
  const { returnCode } = await client.connect({
    clientId: "dev-1",
    username: dpsUser("dev-1"),
    password: dpsToken("dev-1"),
    ...changes,
  });
  if (returnCode === 0) await client.disconnect();
  else await client.closed;
  return returnCode;
}

test("a group that is replaced or removed lets its devices in no more", async () => {
  const id = "sn-replaced";
  const key = (of: string) => deriveDeviceKey(Buffer.from(of, "base64"), id);
  const come = (of: string) =>
    connackOf({ clientId: id, username: dpsUser(id), password: dpsToken(id, key(of)) });
  const set = (primaryKey: string) =>
    emulator.setEnrollmentGroup({
      enrollmentGroupId: "line-2",
      attestation: { type: "symmetricKey", symmetricKey: { primaryKey } },
    });
  set(KEY);
  expect([await come(KEY), await come(KEY), await come(SECOND_KEY)]).toEqual([0, 0, 5]);
  set(SECOND_KEY);
  expect([await come(KEY), await come(SECOND_KEY)]).toEqual([5, 0]);
  emulator.enrollments.removeGroup("line-2");
  expect(await come(SECOND_KEY)).toBe(5);
});

const resource = `${SCOPE}/registrations/dev-1`;
const skn = "registration";
const [sr, sig, se] = dpsToken("dev-1").slice("SharedAccessSignature ".length).split("&");

test.each([
  ["as sent by Microsoft's C SDK, in lower-case hexadecimal", token(resource, KEY, { skn, lower: true })],
  ["without skn, as Microsoft's SDKs for Python and embedded C send it", token(resource, KEY)],
  ["with its fields in another order", `SharedAccessSignature skn=registration&${se}&${sig}&${sr}`],
])("a token is accepted %s", async (_name, password) => {
  expect(await connackOf({ password })).toBe(0);
});

test.each([
  ["signed with another key", dpsToken("dev-1", GROUP_KEY)],
  ["expired", dpsToken("dev-1", KEY, Math.floor(Date.now() / 1000) - 1)],
  ["for another device", dpsToken("dev-2")],
  ["for the singular resource", token(`${SCOPE}/registration/dev-1`, KEY, { skn })],
  ["with another skn", token(resource, KEY, { skn: "owner" })],
  ["with an empty skn", `${token(resource, KEY)}&skn=`],
  ["with the case of sr changed after signing", dpsToken("dev-1").replace("%2F", "%2f")],
  ["with its expiry changed after signing", dpsToken("dev-1").replace(/se=\d+/, `se=${inAnHour() + 60}`)],
  ["without an expiry", `SharedAccessSignature ${sr}&${sig}&skn=registration`],
  ["with a field twice", `SharedAccessSignature ${sr}&${sr}&${sig}&${se}&skn=registration`],
  ["that is no token", "secret"],
  ["that is absent", undefined],
])("a token is refused %s", async (_name, password) => {
  expect(await connackOf({ password })).toBe(5);
});

test.each([
  ["registration in the singular", `${SCOPE}/registration/dev-1/api-version=2019-03-31`, 4],
  ["a question mark before api-version", `${SCOPE}/registrations/dev-1/?api-version=2019-03-31`, 4],
  ["no api-version", `${SCOPE}/registrations/dev-1`, 4],
  ["a malformed api-version", `${SCOPE}/registrations/dev-1/api-version=today`, 4],
  ["an api-version from before DPS", `${SCOPE}/registrations/dev-1/api-version=2016-11-14`, 5],
  ["another ID scope", "0ne11111111/registrations/dev-1/api-version=2019-03-31", 5],
  ["another registration id than the client identifier", dpsUser("dev-2"), 2],
  ["nothing at all", "", 4],
  ["an unknown but well-formed api-version", `${SCOPE}/registrations/dev-1/api-version=2030-01-01`, 0],
  ["a ClientVersion behind api-version", `${dpsUser("dev-1")}&ClientVersion=berth%2F1`, 0],
])("a user name with %s", async (_name, username, returnCode) => {
  expect(await connackOf({ username })).toBe(returnCode);
});

test("an unknown API version is noted", async () => {
  const seen: string[] = [];
  emulator.events.on("unknownApiVersion", ({ apiVersion }) => seen.push(apiVersion));
  await connackOf({ username: `${SCOPE}/registrations/dev-1/api-version=2030-01-01` });
  expect(seen).toEqual(["2030-01-01"]);
});

test.each([3, 5] as const)("protocol level %d is refused with CONNACK 1", async (protocolVersion) => {
  expect(await connackOf({ protocolVersion })).toBe(1);
});

// The mark of a bridge on 3.1.1 and on others, and levels that no version of MQTT has.
test.each([0x84, 0x83, 0x85, 0, 6, 255])(
  "protocol level %d is refused with CONNACK 1 (MQTT-3.1.2-2)",
  async (level) => {
    const refusals = record<{ reason: string }>(emulator, "refuse");
    const client = await open(emulator);
    const connect = { clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1"), level };
    expect(await client.connect(connect)).toMatchObject({ returnCode: 1 });
    await client.closed;
    expect(refusals[0]!.reason).toContain(
      level > 0x80 && level < 255 ? "try_private false" : "protocol level",
    );
  },
);

test("the registration id is compared without its case", async () => {
  expect(
    await connackOf({ clientId: "DEV-1", username: dpsUser("Dev-1"), password: dpsToken("dev-1") }),
  ).toBe(0);
});

describe("a group of symmetric keys", () => {
  const raw = Buffer.from(GROUP_KEY, "base64");
  const connect = (id: string, key: string) =>
    connackOf({ clientId: id, username: dpsUser(id), password: dpsToken(id, key) });

  test("accepts a derived key", async () => {
    const id = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
    // Microsoft's published vector.
    expect(deriveDeviceKey(raw, id)).toBe("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
    expect(await connect(id, deriveDeviceKey(raw, id))).toBe(0);
  });

  test("refuses the group's own key", async () => {
    expect(await connect("sn-1", GROUP_KEY)).toBe(5);
  });

  test("refuses a key derived for another device", async () => {
    expect(await connect("sn-1", deriveDeviceKey(raw, "sn-2"))).toBe(5);
  });

  test("accepts a key derived from its secondary key, which the hub then knows as well", async () => {
    const secondaryKey = Buffer.alloc(64, 3).toString("base64");
    emulator.setEnrollmentGroup({
      enrollmentGroupId: "line-2",
      attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY, secondaryKey } },
    });
    const key = deriveDeviceKey(Buffer.alloc(64, 3), "sn-9");
    expect((await provision(emulator, "sn-9", { password: dpsToken("sn-9", key) })).body).toMatchObject({
      status: "assigned",
      registrationState: { symmetricKey: { enrollmentGroupId: "line-2" } },
    });
    expect(emulator.enrollments.removeGroup("LINE-2")).toBe(true);
    expect(await connect("sn-9", key)).toBe(5);
  });
});

test("the reason of a refusal goes to the event, without the credential", async () => {
  const refusals = record<{ reason: string; returnCode: number }>(emulator, "refuse");
  await connackOf({ password: dpsToken("dev-1", GROUP_KEY) });
  expect(refusals).toEqual([
    {
      connection: expect.any(Number),
      endpoint: "dps",
      id: "dev-1",
      returnCode: 5,
      reason: "Unauthorized: wrong key.",
      enrollment: { kind: "individual", id: "dev-1" },
    },
  ]);
});

test.each<[string, Partial<Parameters<typeof connackOf>[0]>, RegExp]>([
  [
    "an unknown id",
    { clientId: "nobody", username: dpsUser("nobody"), password: dpsToken("nobody") },
    /unknown id: no enrollment is for nobody/,
  ],
  [
    "another id scope",
    { username: dpsUser("dev-1").replace(SCOPE, "0ne11111111") },
    /"0ne11111111", not 0ne00000000/,
  ],
  [
    "a clock two hours slow",
    {
      password: token(`${SCOPE}/registrations/dev-1`, KEY, {
        skn: "registration",
        expiry: inAnHour() - 7200,
      }),
    },
    /the token has expired: good until \S+Z, and it is \S+Z here; check the device's clock/,
  ],
])("%s is told apart from a wrong key", async (_, connect, reason) => {
  const refusals = record<{ reason: string }>(emulator, "refuse");
  expect(await connackOf(connect)).toBe(5);
  expect(refusals[0]?.reason).toMatch(reason);
  expect(refusals[0]?.reason).not.toContain("wrong key");
});

describe("refusal by response", () => {
  let other: Emulator;
  beforeEach(async () => {
    other = await startEmulator({ dps: { refusal: "response" } });
  });
  afterEach(() => other.stop());

  test("a wrong key connects, and gets 401 with Azure's error body", async () => {
    const client = await openDps(other, "dev-1", { password: dpsToken("dev-1", GROUP_KEY) });
    const answer = await register(client);
    expect(answer).toMatchObject({
      status: 401,
      body: { errorCode: 401002, message: "Unauthorized: wrong key." },
    });
    expect(answer.body.trackingId).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.body.timestampUtc).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
    expect(answer.body).not.toHaveProperty("operationId");
    expect(await poll(client, "x")).toMatchObject({ status: 401 });
    await client.disconnect();
  });

  test("a wrong key gets the code of Microsoft's unified SDK where that is asked for", async () => {
    await other.stop();
    other = await startEmulator({ dps: { refusal: "response", refusalCode: 401000 } });
    const client = await openDps(other, "dev-1", { password: dpsToken("dev-1", GROUP_KEY) });
    expect(await register(client)).toMatchObject({ status: 401, body: { errorCode: 401000 } });
    other.enrollments.removeGroup("line-1");
    const nobody = await openDps(other, "nobody", { password: dpsToken("nobody") });
    expect(await register(nobody)).toMatchObject({ status: 404, body: { errorCode: 404000 } });
  });

  test("a registration id without an enrollment gets 404", async () => {
    other.enrollments.removeGroup("line-1");
    const client = await openDps(other, "nobody", { password: dpsToken("nobody") });
    expect(await register(client)).toMatchObject({ status: 404, body: { errorCode: 404000 } });
    await client.disconnect();
  });
});
