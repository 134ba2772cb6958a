// SPDX-License-Identifier: MIT
/** Faults: switched on at the left, and how devices come back at the right. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { link } from "../link/feed";
import { health } from "../model/emulator";
import { changed } from "../model/history";
import { Select, TextField } from "../parts/field";
import { storedText } from "../parts/stored";
import { Task } from "../parts/task";
import { CustomRule } from "./custom-rule";
import {
  type Armed,
  arm,
  armed,
  CERTIFICATES,
  type Certificates,
  type ClockState,
  certificates,
  clock,
  disarm,
  serveCertificate,
  skew,
} from "./calls";
import { Recovery } from "./recovery-pane";
import { faultInWords } from "../../fault-words";
import { PRESETS, type Rule } from "./rules";
import { span } from "../parts/time";
import "../devices/devices.css";
import "./faults.css";

const HOUR = 3_600_000;
const onlyDevice = storedText("faults.device", "");
const onlyEndpoint = storedText("faults.endpoint", "");
const times = storedText("faults.count", "");

/** What the fields above the presets add to a rule. */
function limited(rule: Rule): Rule {
  const isEarly = ["accept", "tcpSent", "tcpReceived"].includes(rule.step);
  const count = Number(times.peek());
  return {
    ...rule,
    // Before CONNECT nobody is known.
    ...(isEarly || onlyDevice.peek() === "" ? {} : { id: onlyDevice.peek() }),
    ...(isEarly || onlyEndpoint.peek() === "" ? {} : { endpoint: onlyEndpoint.peek() }),
    ...(count > 0 ? { count } : {}),
  };
}

export function FaultsView() {
  const rules = useSignal<readonly Armed[] | undefined>(undefined);
  const time = useSignal<ClockState | undefined>(undefined);
  const shown = useSignal<Certificates | undefined>(undefined);
  const problem = useSignal("");
  const reload = async () => {
    try {
      [rules.value, time.value, shown.value] = await Promise.all([armed(), clock(), certificates()]);
      problem.value = "";
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  // What is left of a count changes with what happens.
  useSignalEffect(() => {
    changed.value;
    if (link.value === "live") void reload();
  });
  const add = (rule: Rule) => async () => {
    await arm(limited(rule));
    await reload();
  };
  const set = (change: () => Promise<void>) => async () => {
    await change();
    await reload();
  };
  return (
    <div class="faults">
      <section class="pane" aria-label="Faults" tabIndex={0}>
        {problem.value && <p class="problem">{problem.value}</p>}
        <section class="card">
          <div class="buttons">
            <h2>In force</h2>
            <span class="spacer" />
            <Task disabled={!rules.value?.length} run={set(() => disarm())}>
              Clear all
            </Task>
          </div>
          {rules.value === undefined ? (
            <p class="faint">Not known yet.</p>
          ) : rules.value.length === 0 ? (
            <p class="faint">No fault: everything is answered as it should be.</p>
          ) : (
            <ul class="rules">
              {rules.value.map(({ id, rule, left }) => (
                <li key={id} class={left === 0 ? "faint" : ""}>
                  <span>{faultInWords(rule)}</span>
                  <span class={`chip ${left === 0 ? "" : "fault"}`}>
                    {left === null ? "always" : `${left} left`}
                  </span>
                  <Task kind="plain" run={set(() => disarm(id))}>
                    Remove
                  </Task>
                </li>
              ))}
            </ul>
          )}
        </section>
        <section class="card">
          <h2>Switch on</h2>
          <div class="pair">
            <TextField label="Only this device" value={onlyDevice} />
            <Select
              label="Only this service"
              value={onlyEndpoint}
              options={[
                ["", "any"],
                ["dps", "DPS"],
                ...(health.value?.hubs ?? []).map((hub) => [hub, hub] as const),
              ]}
            />
            <TextField label="How often (empty: always)" isNumber value={times} />
          </div>
          <ul class="presets">
            {PRESETS.map(({ name, about, rule }) => (
              <li key={name}>
                <Task run={add(rule)}>{name}</Task>
                <span class="faint">{about}</span>
              </li>
            ))}
          </ul>
          <CustomRule add={(rule) => add(rule)()} />
        </section>
        <section class="card">
          <h2>Certificate of the servers</h2>
          <p class="faint">
            Shown to who connects from now on:{" "}
            <b>{shown.value?.kind === "kept" ? "the right one" : (shown.value?.kind ?? "?")}</b>
          </p>
          <div class="buttons">
            {CERTIFICATES.map(([kind, about]) => (
              <Task key={kind} run={set(() => serveCertificate(kind))}>
                {kind} <span class="hidden">: {about}</span>
              </Task>
            ))}
            <Task disabled={shown.value?.kind === "kept"} run={set(() => serveCertificate("kept"))}>
              the right one
            </Task>
          </div>
        </section>
        <section class="card">
          <h2>Clock of the servers</h2>
          <p class="faint">
            {time.value === undefined
              ? "?"
              : time.value.skewMs === 0
                ? "right"
                : `${span(Math.abs(time.value.skewMs))} ${time.value.skewMs > 0 ? "ahead" : "behind"}`}
          </p>
          <div class="buttons">
            {(
              [
                ["1 h ahead", HOUR],
                ["2 days ahead", 48 * HOUR],
                ["1 h behind", -HOUR],
              ] as const
            ).map(([name, by]) => (
              <Task key={name} run={set(() => skew(by))}>
                {name}
              </Task>
            ))}
            <Task disabled={time.value?.skewMs === 0} run={set(() => skew(0))}>
              right
            </Task>
          </div>
        </section>
      </section>
      <Recovery />
    </div>
  );
}
