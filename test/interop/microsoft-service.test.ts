// SPDX-License-Identifier: MIT
/** The judge of the service APIs: Microsoft's own SDKs for services, unmodified, over TLS that they verify. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { configuration, HUB, hubToken, hubUser, open, startEmulator } from "../helpers/emulator-client";
import { ServiceSdk } from "../helpers/service-sdk";

let emulator: Emulator;
let sdk: ServiceSdk;

function connectionString(host: string, policy: string): string {
  return emulator.connectionStrings.find((one) => one.host === host && one.policy === policy)!
    .connectionString;
}

beforeAll(async () => {
  emulator = await startEmulator({ configuration: configuration() });
  sdk = new ServiceSdk(emulator);
  await sdk.client("registry", "Registry", connectionString(HUB, "iothubowner"));
  await sdk.client("client", "Client", connectionString(HUB, "service"));
  await sdk.client("jobs", "JobClient", connectionString(HUB, "iothubowner"));
  await sdk.client("reader", "Registry", connectionString(HUB, "registryRead"));
});
afterAll(async () => {
  await sdk?.stop();
  await emulator?.stop();
});

describe("Registry", () => {
  test("device identities: create, get, update, list, delete", async () => {
    const made = await sdk.call("registry", "create", { deviceId: "kitchen" });
    expect(made).toMatchObject({
      deviceId: "kitchen",
      status: "enabled",
      connectionState: "Disconnected",
      authentication: { type: "sas" },
    });
    expect(Buffer.from(made.authentication.symmetricKey.primaryKey, "base64")).toHaveLength(64);
    await expect(sdk.call("registry", "create", { deviceId: "kitchen" })).rejects.toMatchObject({
      name: "DeviceAlreadyExistsError",
      status: 409,
    });
    expect(await sdk.call("registry", "get", "kitchen")).toEqual(made);
    const disabled = await sdk.call("registry", "update", {
      deviceId: "kitchen",
      status: "disabled",
      statusReason: "stolen",
    });
    expect(disabled).toMatchObject({ status: "disabled", statusReason: "stolen" });
    expect(disabled.authentication).toEqual(made.authentication);
    expect(disabled.etag).not.toBe(made.etag);
    expect(
      (await sdk.call("registry", "list")).map(({ deviceId }: { deviceId: string }) => deviceId),
    ).toEqual(["kitchen"]);
    await sdk.call("registry", "delete", "kitchen");
    await expect(sdk.call("registry", "get", "kitchen")).rejects.toMatchObject({
      name: "DeviceNotFoundError",
      status: 404,
    });
  });
});
