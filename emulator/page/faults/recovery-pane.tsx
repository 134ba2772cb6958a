// SPDX-License-Identifier: MIT
/** One device's attempts: how long it waited before each, as bars and in words. */
import { useSignal } from "@preact/signals";
import { changed, knownDevices, stepsOf } from "../model/history";
import { Select } from "../parts/field";
import { span, timeOfDay } from "../parts/time";
import { type Attempt, attemptsOf } from "./recovery";

/** Attempts that are shown. */
const MOST = 40;

export function Recovery() {
  changed.value;
  const wanted = useSignal("");
  const known = knownDevices().slice(-200).toReversed();
  const id = wanted.value || known[0] || "";
  const attempts = attemptsOf(stepsOf(id)).slice(-MOST);
  const longest = Math.max(1, ...attempts.map(({ waited = 0 }) => waited));
  const last = attempts.at(-1);
  return (
    <section class="pane recovery" aria-label="Recovery" tabIndex={0}>
      <div class="buttons">
        <h2>Back-off and recovery</h2>
        {last && (
          <span class={`chip ${last.isGood ? "good" : "bad"}`}>
            {last.isGood ? last.what : "not connected"}
          </span>
        )}
      </div>
      {known.length === 0 ? (
        <p class="hint">No device has connected yet.</p>
      ) : (
        <>
          <Select
            label="Device"
            value={wanted}
            options={[["", `the latest: ${known[0]}`], ...known.map((one) => [one, one] as const)]}
          />
          <ol class="attempts">
            {attempts.toReversed().map((attempt) => (
              <Bar key={attempt.key} attempt={attempt} longest={longest} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function Bar({ attempt: { time, waited, isGood, what }, longest }: { attempt: Attempt; longest: number }) {
  return (
    <li class={isGood ? "good" : "bad"}>
      <span class="mono faint">{timeOfDay(time)}</span>
      <span class="waited">
        {waited !== undefined && (
          <>
            <i style={{ width: `${Math.max(1, (waited / longest) * 100)}%` }} />
            <span>{span(waited)}</span>
          </>
        )}
      </span>
      <span class="what">{what}</span>
    </li>
  );
}
