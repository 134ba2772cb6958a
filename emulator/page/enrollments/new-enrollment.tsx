// SPDX-License-Identifier: MIT
/** The form of a new enrollment or group. Keys that are left out are made by DPS; certificates by the emulator. */
import { useSignal } from "@preact/signals";
import * as hand from "../life/hand/hand";
import { health } from "../model/emulator";
import { putEnrollment } from "../model/enrollments";
import { Select, TextField } from "../parts/field";
import { storedText } from "../parts/stored";
import { Task } from "../parts/task";
import { UseByHand } from "./device-certificate";
import { Downloads } from "./downloads";
import { makeDevice, makeRoot, type Pair } from "./test-certificates";

const kind = storedText("new.kind", "individual");
const id = storedText("new.id", "");
const proof = storedText("new.proof", "symmetricKey");
const policy = storedText("new.policy", "hashed");
const hub = storedText("new.hub", "");
const again = storedText("new.again", "migrate");

export function NewEnrollment() {
  const made = useSignal<{ name: string; pair: Pair } | undefined>(undefined);
  const hubs = health.value?.hubs ?? [];
  const isGroup = kind.value === "group";
  const create = async () => {
    const name = id.peek().trim();
    if (name === "") throw new Error("give it an id");
    const { attestation, pair } = await attestationFor(name, isGroup);
    const body = {
      ...(isGroup ? { enrollmentGroupId: name } : { registrationId: name }),
      attestation,
      provisioningStatus: "enabled",
      allocationPolicy: policy.peek(),
      ...(policy.peek() === "static" ? { iotHubHostName: hub.peek() || hubs[0] } : {}),
      reprovisionPolicy: {
        updateHubAssignment: again.peek() !== "never",
        migrateDeviceData: again.peek() === "migrate",
      },
    };
    await putEnrollment(isGroup ? "group" : "individual", name, body);
    made.value = pair && { name, pair };
    if (!isGroup) hand.registrationId.value = name;
    if (!pair || isGroup) location.hash = `#/enrollments/${kind.peek()}/${encodeURIComponent(name)}`;
    return `${name} is enrolled`;
  };
  return (
    <>
      <header class="pane-head">
        <h2>New enrollment</h2>
      </header>
      <section class="card form">
        <Select
          label="Kind"
          value={kind}
          options={[
            ["individual", "individual: one device"],
            ["group", "group: any number of devices"],
          ]}
        />
        <TextField label={isGroup ? "Group id" : "Registration id"} value={id} />
        <Select
          label="Attestation"
          value={proof}
          options={[
            ["symmetricKey", "symmetric key, made by DPS"],
            [
              "x509",
              isGroup ? "X.509, with a test root made here" : "X.509, with a test certificate made here",
            ],
          ]}
        />
        <Select
          label="Allocation policy"
          value={policy}
          options={[
            ["hashed", "hashed: by weight"],
            ["geoLatency", "geoLatency: the hub with the fewest devices"],
            ["static", "static: one hub"],
          ]}
        />
        {policy.value === "static" && (
          <Select label="Hub" value={hub} options={hubs.map((one) => [one, one])} />
        )}
        <Select
          label="When a device registers again"
          value={again}
          options={[
            ["migrate", "it may move, its data with it"],
            ["reset", "it may move, its data begins anew"],
            ["never", "it stays where it is"],
          ]}
        />
        <Task kind="main" run={create}>
          Create
        </Task>
        {made.value && (
          <>
            <p class="faint">Its certificate and key, which are kept nowhere else:</p>
            <Downloads name={made.value.name} pair={made.value.pair} />
            <UseByHand pair={made.value.pair} />
          </>
        )}
      </section>
    </>
  );
}

async function attestationFor(name: string, isGroup: boolean): Promise<{ attestation: object; pair?: Pair }> {
  if (proof.peek() === "symmetricKey") return { attestation: { type: "symmetricKey", symmetricKey: {} } };
  const pair = isGroup ? await makeRoot(name) : await makeDevice(name);
  const role = isGroup ? "signingCertificates" : "clientCertificates";
  const primary = { certificate: pair.certificatePem };
  return { attestation: { type: "x509", x509: { [role]: { primary } } }, pair };
}
