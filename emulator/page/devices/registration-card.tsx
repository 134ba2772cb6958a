// SPDX-License-Identifier: MIT
/** The registration record of DPS, and the assignments that were seen. */
import type { Registration } from "../model/enrollments";
import type { History } from "../model/history";
import { Name } from "../parts/name";
import { timeOfDay } from "../parts/time";

export function RegistrationCard({
  registration,
  history,
}: {
  registration: Registration | undefined;
  history: History["assigned"];
}) {
  return (
    <section class="card">
      <h3>Registration record</h3>
      {registration ? (
        <dl class="fields">
          {Object.entries(registration).map(([name, value]) => (
            <div key={name}>
              <dt>
                <Name>{name}</Name>
              </dt>
              <dd>
                {name === "enrollmentGroupId" ? (
                  <a href={`#/enrollments/group/${encodeURIComponent(String(value))}`}>{String(value)}</a>
                ) : typeof value === "object" ? (
                  JSON.stringify(value)
                ) : (
                  String(value)
                )}
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="faint">
          DPS has none: the device was created in its hub, or its registration was forgotten.
        </p>
      )}
      {history.length > 0 && (
        <>
          <h3>Assignments</h3>
          <ol class="plain-list" tabIndex={0} aria-label="Assignments">
            {history.toReversed().map(({ seq, time, assignedHub, deviceId, substatus }) => (
              <li key={seq}>
                <span class="mono faint">{timeOfDay(Date.parse(time))}</span> {deviceId} of {assignedHub} (
                {substatus})
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
