// SPDX-License-Identifier: MIT
/** Enrollments and groups: which there are, one of them, and a new one. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { health } from "../model/emulator";
import {
  type Enrollment,
  type EnrollmentKind,
  enrollments,
  groups,
  idOf,
  loadEnrollments,
} from "../model/enrollments";
import { devicesChanged } from "../model/history";
import { route } from "../route";
import { EnrollmentPane } from "./enrollment-pane";
import { NewEnrollment } from "./new-enrollment";
import "../devices/devices.css";
import "./enrollments.css";

export function EnrollmentsView() {
  const problem = useSignal("");
  useSignalEffect(() => {
    devicesChanged.value;
    if (!health.value) return;
    loadEnrollments().then(
      () => {
        problem.value = "";
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  });
  const [, kind = "", id = ""] = route.value;
  const chosen = (kind === "group" ? groups : enrollments).value?.find(
    (one) => idOf(one).toLowerCase() === id.toLowerCase(),
  );
  return (
    <div class="split">
      <nav class="column enrollment-list" aria-label="Enrollments" tabIndex={0}>
        <a class="new" href="#/enrollments" aria-current={id === "" ? "page" : undefined}>
          New enrollment
        </a>
        {problem.value && <p class="problem">{problem.value}</p>}
        <List
          title="Individual enrollments"
          kind="individual"
          items={enrollments.value}
          chosen={kind === "individual" ? id : ""}
        />
        <List
          title="Enrollment groups"
          kind="group"
          items={groups.value}
          chosen={kind === "group" ? id : ""}
        />
      </nav>
      <section class="pane" aria-label="Enrollment" tabIndex={0}>
        {id === "" ? (
          <NewEnrollment />
        ) : chosen ? (
          <EnrollmentPane key={`${kind}/${id}`} kind={kind as EnrollmentKind} enrollment={chosen} />
        ) : (
          <p class="hint">{groups.value ? "There is no such enrollment." : "Loading."}</p>
        )}
      </section>
    </div>
  );
}

function List({
  title,
  kind,
  items,
  chosen,
}: {
  title: string;
  kind: EnrollmentKind;
  items: readonly Enrollment[] | undefined;
  chosen: string;
}) {
  return (
    <>
      <h2>
        {title} <span class="faint">{items?.length}</span>
      </h2>
      <ul>
        {items?.slice(0, 500).map((one) => {
          const id = idOf(one);
          return (
            <li key={id}>
              <a
                href={`#/enrollments/${kind}/${encodeURIComponent(id)}`}
                aria-current={id === chosen ? "page" : undefined}
              >
                <b>{id}</b>
                <span class="faint">{one.attestation.type === "x509" ? "X.509" : "symmetric key"}</span>
                {one.provisioningStatus === "disabled" && <span class="chip bad">disabled</span>}
              </a>
            </li>
          );
        })}
        {!items?.length && <li class="faint none">{items ? "none" : "loading"}</li>}
        {items && items.length > 500 && <li class="faint none">and {items.length - 500} more</li>}
      </ul>
    </>
  );
}
