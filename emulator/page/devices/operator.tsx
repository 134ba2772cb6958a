// SPDX-License-Identifier: MIT
/** What an operator can do to a device. */
import { useSignal } from "@preact/signals";
import { type Device, deleteDevice, disconnect, setStatus } from "../model/devices";
import { health } from "../model/emulator";
import { forgetRegistration, type Registration } from "../model/enrollments";
import { Select } from "../parts/field";
import { Task } from "../parts/task";
import { moveTo } from "./move";

interface OperatorProps {
  device: Device;
  registration: Registration | undefined;
  reload(): Promise<void>;
}

export function Operator({
  device: { hub, deviceId, status, connectionState },
  registration,
  reload,
}: OperatorProps) {
  const others = (health.value?.hubs ?? []).filter((one) => one !== hub);
  const target = useSignal(others[0] ?? "");
  return (
    <>
      <div class="buttons">
        <Task
          run={async () => {
            await setStatus(hub, deviceId, status === "enabled" ? "disabled" : "enabled");
            await reload();
          }}
        >
          {status === "enabled" ? "Disable" : "Enable"}
        </Task>
        <Task
          disabled={connectionState !== "Connected"}
          run={async () => {
            await disconnect(hub, deviceId);
            await reload();
          }}
        >
          Disconnect
        </Task>
        <Task
          kind="danger"
          confirm="Really forget? Identity and registration go"
          run={async () => {
            await deleteDevice(hub, deviceId);
            if (registration) await forgetRegistration(registration.registrationId);
            location.hash = "#/devices";
          }}
        >
          Forget
        </Task>
      </div>
      {others.length > 0 && registration && (
        <div class="pair">
          <Select label="Move to hub" value={target} options={others.map((one) => [one, one])} />
          <Task
            confirm="Really move? Its twin begins anew"
            run={() => moveTo(target.peek(), { hub, deviceId }, registration)}
          >
            Move
          </Task>
        </div>
      )}
    </>
  );
}
