// SPDX-License-Identifier: MIT
/** What is known of an enrollment's certificates, and, for a group whose root was made here, certificates of its devices. */
import { Name } from "../parts/name";
import { useSignal } from "@preact/signals";
import * as hand from "../life/hand/hand";
import type { Attestation, EnrollmentKind } from "../model/enrollments";
import { TextField } from "../parts/field";
import { Task } from "../parts/task";
import { Downloads } from "./downloads";
import { makeDevice, type Pair, roots } from "./test-certificates";

interface Props {
  kind: EnrollmentKind;
  id: string;
  attestation: Attestation;
}

export function DeviceCertificate({ kind, id, attestation }: Props) {
  const made = useSignal<Pair | undefined>(undefined);
  const root = kind === "group" ? roots.value.get(id.toLowerCase()) : undefined;
  return (
    <section class="card">
      <h3>Certificates</h3>
      {Object.entries(attestation.x509 ?? {}).map(([role, pair]) =>
        Object.entries(pair).map(([which, { info }]) => (
          <dl key={role + which} class="fields">
            {Object.entries(info ?? {}).map(([name, value]) => (
              <div key={name}>
                <dt>
                  <Name>{name}</Name>
                </dt>
                <dd>{String(value)}</dd>
              </div>
            ))}
          </dl>
        )),
      )}
      {root && (
        <>
          <h3>Certificate of a device</h3>
          <TextField label="Registration id, its common name" value={hand.registrationId} />
          <Task
            run={async () => {
              made.value = await makeDevice(hand.registrationId.peek(), root);
            }}
          >
            Make
          </Task>
          <Downloads name={id} pair={root} />
        </>
      )}
      {kind === "group" && !root && (
        <p class="faint">
          The key of its signing certificate is not in this tab: certificates are made where it is.
        </p>
      )}
      {made.value && (
        <>
          <Downloads name={hand.registrationId.value} pair={made.value} />
          <UseByHand pair={made.value} />
        </>
      )}
    </section>
  );
}

/** Takes a certificate over into the client by hand. */
export function UseByHand({ pair }: { pair: Pair }) {
  return (
    <Task
      run={async () => {
        hand.proof.value = "certificate";
        hand.certificate.value = pair.certificatePem;
        hand.privateKey.value = pair.privateKeyPem;
        hand.server.value = "dps";
        await hand.fillConnect();
        location.hash = "#/life";
      }}
    >
      Use in the client by hand
    </Task>
  );
}
