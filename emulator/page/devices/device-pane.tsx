// SPDX-License-Identifier: MIT
/** One device: identity, registration, twin, telemetry, and what can be done to it. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { type Device, deviceOf, type Twin, twinOf } from "../model/devices";
import { enrollments, loadEnrollments, type Registration, registrationOf } from "../model/enrollments";
import { dateAndTime } from "../parts/time";
import { devicesChanged, historyOf, twinChanged } from "../model/history";
import { Actions } from "./actions";
import { Operator } from "./operator";
import { RegistrationCard } from "./registration-card";
import { Telemetry } from "./telemetry";
import { TwinCard } from "./twin-card";

export function DevicePane({ hub, id }: { hub: string; id: string }) {
  const device = useSignal<Device | undefined>(undefined);
  const twin = useSignal<Twin | undefined>(undefined);
  const registration = useSignal<Registration | undefined>(undefined);
  const problem = useSignal("");
  const reload = async () => {
    try {
      const [found, foundTwin] = await Promise.all([deviceOf(hub, id), twinOf(hub, id)]);
      device.value = found;
      twin.value = foundTwin;
      problem.value = "";
      registration.value = await findRegistration(id);
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  useSignalEffect(() => {
    devicesChanged.value;
    void reload();
  });
  useSignalEffect(() => {
    const change = twinChanged.value;
    if (change?.hub === hub && change.deviceId === id)
      twinOf(hub, id).then(
        (found) => {
          twin.value = found;
        },
        () => {},
      );
  });
  if (problem.value && !device.value) return <p class="problem">{problem.value}</p>;
  if (!device.value) return <p class="hint">Loading.</p>;
  const { status, connectionState, authentication, cloudToDeviceMessageCount, lastActivityTime } =
    device.value;
  return (
    <>
      <header class="pane-head">
        <h2>{id}</h2>
        <span class="faint">{hub}</span>
        <span class={`chip ${connectionState === "Connected" ? "good" : ""}`}>
          {connectionState.toLowerCase()}
        </span>
        <span class={`chip ${status === "disabled" ? "bad" : ""}`}>{status}</span>
      </header>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="cards">
        <section class="card">
          <h3>Identity</h3>
          <dl class="fields">
            <div>
              <dt>Authentication</dt>
              <dd>{authentication.type === "sas" ? "symmetric key" : "X.509"}</dd>
            </div>
            <div>
              <dt>Last activity</dt>
              <dd>
                {lastActivityTime.startsWith("0001") ? "none since the start" : dateAndTime(lastActivityTime)}
              </dd>
            </div>
            <div>
              <dt>Messages that wait</dt>
              <dd>{cloudToDeviceMessageCount}</dd>
            </div>
            {twin.value?.modelId ? (
              <div>
                <dt>Model</dt>
                <dd>{twin.value.modelId}</dd>
              </div>
            ) : null}
          </dl>
          <Operator device={device.value} registration={registration.value} reload={reload} />
        </section>
        <RegistrationCard
          registration={registration.value}
          history={historyOf(registration.value?.registrationId ?? id).assigned}
        />
        <Actions device={device.value} />
        {twin.value && <TwinCard twin={twin.value} />}
        <Telemetry id={id} hub={hub} />
      </div>
    </>
  );
}

/** A device may have another id than its registration. */
async function findRegistration(deviceId: string): Promise<Registration | undefined> {
  const direct = await registrationOf(deviceId).catch(() => undefined);
  if (direct) return direct;
  await loadEnrollments().catch(() => {});
  return enrollments.value?.find(({ registrationState }) => registrationState?.deviceId === deviceId)
    ?.registrationState;
}
