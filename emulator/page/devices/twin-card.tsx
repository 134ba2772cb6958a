// SPDX-License-Identifier: MIT
/** A twin: desired beside reported, property by property, with where they differ. */
import { useSignal } from "@preact/signals";
import type { Twin } from "../model/devices";
import { Name } from "../parts/name";
import { compare } from "./twin-difference";

export function TwinCard({ twin }: { twin: Twin }) {
  const onlyDifferent = useSignal(false);
  const { desired, reported } = twin.properties;
  const rows = compare(desired, reported);
  const shown = onlyDifferent.value ? rows.filter(({ state }) => state !== "equal") : rows;
  const differing = rows.filter(({ state }) => state === "differs" || state === "desired only").length;
  return (
    <section class="card wide">
      <div class="buttons">
        <h3>Twin</h3>
        <span class="faint">
          desired version {String(desired.$version)}, reported version {String(reported.$version)}
        </span>
        {differing > 0 && <span class="chip fault">{differing} not as desired</span>}
        <span class="spacer" />
        <label class="check">
          <input
            type="checkbox"
            checked={onlyDifferent.value}
            onChange={(event) => {
              onlyDifferent.value = event.currentTarget.checked;
            }}
          />
          Differences only
        </label>
      </div>
      {shown.length === 0 ? (
        <p class="faint">{rows.length === 0 ? "No property yet." : "Reported is as desired."}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Twin properties">
          <table>
            <thead>
              <tr>
                <th scope="col">Property</th>
                <th scope="col">Desired</th>
                <th scope="col">Reported</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ path, desired: wanted, reported: told, state }) => (
                <tr key={path} class={state === "differs" || state === "desired only" ? "differs" : ""}>
                  <th scope="row">
                    <Name>{path}</Name>
                  </th>
                  <td class="mono">{wanted}</td>
                  <td class="mono">{told}</td>
                  <td>{state}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {Object.keys(twin.tags).length > 0 && (
        <>
          <h3>Tags</h3>
          <pre tabIndex={0}>{JSON.stringify(twin.tags, undefined, 2)}</pre>
        </>
      )}
    </section>
  );
}
