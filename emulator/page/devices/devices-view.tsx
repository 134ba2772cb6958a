// SPDX-License-Identifier: MIT
/** Devices: a list of all hubs', and one of them as the portal shows it, with what can be done to it. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { VirtualList } from "../parts/virtual-list";
import { health } from "../model/emulator";
import { devices, loadDevices, MOST_LISTED } from "../model/devices";
import { devicesChanged } from "../model/history";
import { route } from "../route";
import { DevicePane } from "./device-pane";
import "./devices.css";

const ROW_HEIGHT = 46;

export function DevicesView() {
  const text = useSignal("");
  const problem = useSignal("");
  useSignalEffect(() => {
    devicesChanged.value;
    if (!health.value) return;
    loadDevices().then(
      () => {
        problem.value = "";
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  });
  const words = text.value.toLowerCase();
  const known = devices.value ?? [];
  const shown = known.filter(({ deviceId, hub }) => `${deviceId} ${hub}`.toLowerCase().includes(words));
  const isCut = (health.value?.hubs ?? []).some(
    (hub) => known.filter((one) => one.hub === hub).length >= MOST_LISTED,
  );
  const [, hub = "", id = ""] = route.value;
  const at = shown.findIndex((one) => one.hub === hub && one.deviceId === id);
  return (
    <div class="split">
      <section class="column" aria-label="Devices">
        <div class="toolbar">
          <input
            type="search"
            aria-label="Filter devices"
            placeholder="Filter: device, hub"
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
          <span class="faint">
            {shown.length === 1 ? "1 device" : `${shown.length} devices`}
            {isCut && `, the first ${MOST_LISTED} of each hub`}
          </span>
        </div>
        {problem.value && <p class="problem">{problem.value}</p>}
        <VirtualList
          label="Devices"
          count={shown.length}
          rowHeight={ROW_HEIGHT}
          keyOf={(index) => `${shown[index]!.hub}/${shown[index]!.deviceId}`}
          render={(index) => {
            const { deviceId, hub: of, connectionState, status } = shown[index]!;
            return (
              <span class="device-row">
                <b>{deviceId}</b>
                <span class="faint">{of}</span>
                <span
                  class={`chip ${status === "disabled" ? "bad" : connectionState === "Connected" ? "good" : ""}`}
                >
                  {status === "disabled" ? "disabled" : connectionState.toLowerCase()}
                </span>
              </span>
            );
          }}
          chosen={at}
          onChoose={(index) => {
            const { deviceId, hub: of } = shown[index]!;
            location.hash = `#/devices/${encodeURIComponent(of)}/${encodeURIComponent(deviceId)}`;
          }}
          follows={false}
          onFollow={() => {}}
          empty={
            <p>
              {devices.value === undefined
                ? "Loading."
                : words === ""
                  ? "No device yet: DPS creates one in a hub when it is assigned."
                  : "No device is called so."}
            </p>
          }
        />
      </section>
      <section class="pane" aria-label="Device" tabIndex={0}>
        {id === "" ? (
          <p class="hint">Choose a device.</p>
        ) : (
          <DevicePane key={`${hub}/${id}`} hub={hub} id={id} />
        )}
      </section>
    </div>
  );
}
