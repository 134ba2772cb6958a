// SPDX-License-Identifier: MIT
/** One device's attempts: how long it waited before each, as bars and in words; below, those of whom nobody knows. */
import { useSignal } from "@preact/signals";
import { changed, early, historyOf, knownDevices } from "../model/history";
import { Select } from "../parts/field";
import { span, timeOfDay } from "../parts/time";
import { type Attempt, attemptsOf, connectedTo, earlyAttemptsOf } from "./recovery";

/** Attempts that are shown. */
const MOST = 40;

export function Recovery() {
  changed.value;
  const wanted = useSignal("");
  const known = knownDevices().slice(-200).toReversed();
  const id = wanted.value || known[0] || "";
  const { trouble } = historyOf(id);
  const hub = connectedTo(trouble);
  const nobodys = earlyAttemptsOf(early);
  return (
    <section class="pane recovery" aria-label="Recovery" tabIndex={0}>
      <div class="buttons">
        <h2>Back-off and recovery</h2>
        {known.length > 0 && (
          <span class={`chip ${hub ? "good" : "bad"}`}>{hub ? `connected to ${hub}` : "not connected"}</span>
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
          <Attempts label={`Attempts of ${id}`} attempts={attemptsOf(trouble)} />
        </>
      )}
      {nobodys.length > 0 && (
        <>
          <h3>Ended before CONNECT</h3>
          <p class="faint">
            Whose these are, nobody knows: a client says who it is in CONNECT. The time is since the one
            before.
          </p>
          <Attempts label="Attempts that ended before CONNECT" attempts={nobodys} />
        </>
      )}
    </section>
  );
}

function Attempts({ label, attempts }: { label: string; attempts: readonly Attempt[] }) {
  const shown = attempts.slice(-MOST).toReversed();
  const longest = Math.max(1, ...shown.map(({ waited = 0 }) => waited));
  return (
    <ol class="attempts" aria-label={label}>
      {shown.map((attempt) => (
        <Bar key={attempt.key} attempt={attempt} longest={longest} />
      ))}
    </ol>
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
