// SPDX-License-Identifier: MIT
/** One enrollment or group: what it says, its keys when they are asked for, and what can be done to it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fillFrom, registrationId } from "../life/hand/hand";
import {
  type Attestation,
  attestationOf,
  deleteEnrollment,
  type Enrollment,
  type EnrollmentKind,
  idOf,
  putEnrollment,
  type Registration,
  registrationsOf,
} from "../model/enrollments";
import { download } from "../parts/download";
import { TextField } from "../parts/field";
import { deriveDeviceKey } from "../parts/keys";
import { Task } from "../parts/task";
import { dateAndTime } from "../parts/time";
import { DeviceCertificate } from "./device-certificate";

export function EnrollmentPane({ kind, enrollment }: { kind: EnrollmentKind; enrollment: Enrollment }) {
  const id = idOf(enrollment);
  const { provisioningStatus, attestation, registrationState } = enrollment;
  const isEnabled = provisioningStatus === "enabled";
  return (
    <>
      <header class="pane-head">
        <h2>{id}</h2>
        <span class="faint">{kind === "group" ? "enrollment group" : "individual enrollment"}</span>
        <span class={`chip ${isEnabled ? "good" : "bad"}`}>{provisioningStatus}</span>
      </header>
      <div class="cards">
        <section class="card">
          <h3>Enrollment</h3>
          <Facts enrollment={enrollment} />
          <div class="buttons">
            <Task
              run={() => {
                const status = isEnabled ? "disabled" : "enabled";
                return putEnrollment(kind, id, { ...enrollment, provisioningStatus: status });
              }}
            >
              {isEnabled ? "Disable" : "Enable"}
            </Task>
            <Task
              kind="danger"
              confirm="Really delete?"
              run={async () => {
                await deleteEnrollment(kind, id);
                location.hash = "#/enrollments";
              }}
            >
              Delete
            </Task>
          </div>
        </section>
        {attestation.type === "symmetricKey" ? (
          <Keys kind={kind} id={id} />
        ) : (
          <DeviceCertificate kind={kind} id={id} attestation={attestation} />
        )}
        {kind === "group" ? (
          <Registrations id={id} />
        ) : (
          registrationState && <OneRegistration registration={registrationState} />
        )}
      </div>
    </>
  );
}

function Facts({ enrollment }: { enrollment: Enrollment }) {
  const { allocationPolicy, iotHubHostName, iotHubs, deviceId, reprovisionPolicy, initialTwin } = enrollment;
  const facts: [string, string | undefined][] = [
    ["Device id", deviceId],
    ["Allocation", allocationPolicy],
    ["Hub", iotHubHostName],
    ["Hubs", iotHubs?.join(", ")],
    [
      "Reprovisioning",
      reprovisionPolicy &&
        (reprovisionPolicy.updateHubAssignment
          ? reprovisionPolicy.migrateDeviceData
            ? "may move, its data with it"
            : "may move, its data begins anew"
          : "stays where it is"),
    ],
    ["Initial twin", initialTwin && JSON.stringify(initialTwin)],
    ["Created", dateAndTime(enrollment.createdDateTimeUtc)],
    ["Changed", dateAndTime(enrollment.lastUpdatedDateTimeUtc)],
  ];
  return (
    <dl class="fields">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Keys({ kind, id }: { kind: EnrollmentKind; id: string }) {
  const keys = useSignal<Attestation["symmetricKey"]>(undefined);
  const derived = useSignal("");
  const load = async () => {
    keys.value = (await attestationOf(kind, id)).symmetricKey;
  };
  const derive = async () => {
    if (!keys.peek()) await load();
    derived.value = await deriveDeviceKey(keys.peek()?.primaryKey ?? "", registrationId.peek());
  };
  return (
    <section class="card">
      <h3>Keys</h3>
      {keys.value ? (
        <dl class="fields">
          <div>
            <dt>Primary</dt>
            <dd>{keys.value.primaryKey}</dd>
          </div>
          <div>
            <dt>Secondary</dt>
            <dd>{keys.value.secondaryKey ?? "none"}</dd>
          </div>
        </dl>
      ) : (
        <Task run={load}>Show keys</Task>
      )}
      {kind === "group" && (
        <>
          <h3>Key of a device</h3>
          <TextField
            label="Registration id"
            value={registrationId}
            onEdit={() => {
              derived.value = "";
            }}
          />
          <div class="buttons">
            <Task run={derive}>Derive</Task>
            {derived.value && (
              <button
                type="button"
                onClick={() => download(`${registrationId.peek()}.key`, "text/plain", `${derived.peek()}\n`)}
              >
                Download
              </button>
            )}
          </div>
          {derived.value && <pre tabIndex={0}>{derived.value}</pre>}
        </>
      )}
      <Task
        run={async () => {
          await fillFrom(kind, id);
          location.hash = "#/life";
        }}
      >
        Use in the client by hand
      </Task>
    </section>
  );
}

function Registrations({ id }: { id: string }) {
  const found = useSignal<Registration[] | undefined>(undefined);
  const load = async () => {
    found.value = await registrationsOf(id);
  };
  // What goes wrong is told by the button, which asks again.
  useEffect(() => void load().catch(() => {}), [id]);
  return (
    <section class="card wide">
      <h3>Registrations</h3>
      <Task run={load}>Read again</Task>
      {found.value && found.value.length === 0 && <p class="faint">None yet.</p>}
      {found.value && found.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Registrations">
          <table>
            <thead>
              <tr>
                <th scope="col">Registration id</th>
                <th scope="col">Device</th>
                <th scope="col">Status</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {found.value.slice(0, 500).map((one) => (
                <tr key={one.registrationId}>
                  <th scope="row">{one.registrationId}</th>
                  <td>
                    <a
                      href={`#/devices/${encodeURIComponent(one.assignedHub)}/${encodeURIComponent(one.deviceId)}`}
                    >
                      {one.deviceId}
                    </a>{" "}
                    of {one.assignedHub}
                  </td>
                  <td>
                    {one.status} ({one.substatus})
                  </td>
                  <td>{dateAndTime(one.lastUpdatedDateTimeUtc)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function OneRegistration({ registration }: { registration: Registration }) {
  const { assignedHub, deviceId, status, substatus } = registration;
  return (
    <section class="card">
      <h3>Registration</h3>
      <p>
        {status} ({substatus}):{" "}
        <a href={`#/devices/${encodeURIComponent(assignedHub)}/${encodeURIComponent(deviceId)}`}>
          {deviceId}
        </a>{" "}
        of {assignedHub}
      </p>
    </section>
  );
}
