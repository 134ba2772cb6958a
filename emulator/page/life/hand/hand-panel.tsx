// SPDX-License-Identifier: MIT
/** The client by hand, step by step: who it is, connect, subscribe, publish, and what the service answers. */
import { useEffect } from "preact/hooks";
import { Select, TextArea, TextField } from "../../parts/field";
import { timeOfDay } from "../../parts/time";
import { health } from "../../model/emulator";
import { enrollments, groups, idOf, loadEnrollments } from "../../model/enrollments";
import * as hand from "./hand";

export function HandPanel() {
  const known = health.value;
  useEffect(() => {
    if (known) loadEnrollments().catch(() => {});
  }, [known]);
  const isAway = hand.state.value === "away";
  const isConnected = hand.state.value === "connected";
  return (
    <div class="hand">
      <Who />
      <form
        class="step"
        onSubmit={(event) => {
          event.preventDefault();
          if (isAway) hand.connect();
          else hand.disconnect();
        }}
      >
        <h2>1 Connect</h2>
        <TextField label="Client identifier" value={hand.clientId} />
        <TextField label="User name" value={hand.userName} />
        {hand.proof.value === "key" && <TextArea label="Password" value={hand.password} />}
        <div class="pair">
          <TextField label="Keep alive, s" isNumber value={hand.keepAlive} />
          <label class="check">
            <input
              type="checkbox"
              checked={hand.clean.value}
              onChange={(event) => {
                hand.clean.value = event.currentTarget.checked;
              }}
            />
            Clean session
          </label>
        </div>
        <div class="buttons">
          <button type="submit" class="main">
            {isAway ? "Connect" : "Disconnect"}
          </button>
          <button type="button" onClick={() => hand.fillConnect()}>
            Fill in again
          </button>
          <span class={`chip ${isConnected ? "good" : ""}`} role="status">
            {
              { away: "not connected", opening: "opening TLS", secure: "TLS is up", connected: "connected" }[
                hand.state.value
              ]
            }
          </span>
        </div>
      </form>
      <form
        class="step"
        onSubmit={(event) => {
          event.preventDefault();
          hand.subscribe();
        }}
      >
        <h2>2 Subscribe</h2>
        <TextField label="Topic filter" value={hand.filterText} />
        <div class="buttons">
          <button type="submit" disabled={!isConnected}>
            Subscribe
          </button>
          {hand.filters().map((filter) => (
            <button
              key={filter}
              type="button"
              class="plain"
              onClick={() => {
                hand.filterText.value = filter;
              }}
            >
              {filter.replace(/\/[#?].*$/, "").replace(/^.*\/(?=[^/]+$)/, "")}
            </button>
          ))}
        </div>
      </form>
      <form
        class="step"
        onSubmit={(event) => {
          event.preventDefault();
          hand.publish();
        }}
      >
        <h2>3 Publish</h2>
        <div class="buttons">
          {hand.PRESETS.map((name) => (
            <button key={name} type="button" class="plain" onClick={() => hand.preset(name)}>
              {name}
            </button>
          ))}
        </div>
        <TextArea label="Topic" value={hand.topic} rows={3} />
        <TextArea label="Payload" value={hand.payload} rows={2} />
        <div class="buttons">
          <button type="submit" disabled={!isConnected}>
            Publish
          </button>
          <Select
            label="QoS"
            value={hand.qos}
            options={[
              ["0", "0"],
              ["1", "1"],
            ]}
          />
        </div>
      </form>
      {hand.assigned.value && (
        <p class="notice">
          DPS has assigned <code>{hand.assigned.value.hub}</code> as{" "}
          <code>{hand.assigned.value.deviceId}</code>.{" "}
          <button type="button" onClick={() => hand.toHub()}>
            Fill in for this hub
          </button>
        </p>
      )}
      <Log />
    </div>
  );
}

function Who() {
  const sources = [
    ...(enrollments.value ?? []).map((one) => ["individual", idOf(one)] as const),
    ...(groups.value ?? []).map((one) => ["group", idOf(one)] as const),
  ];
  return (
    <div class="step">
      <h2>Who it is</h2>
      <TextField label="Registration id" value={hand.registrationId} />
      {sources.length > 0 && (
        <div class="buttons" role="group" aria-label="Take the key from an enrollment">
          {sources.slice(0, 6).map(([kind, id]) => (
            <button key={`${kind}/${id}`} type="button" onClick={() => hand.fillFrom(kind, id)}>
              {kind === "group" ? `Key by group ${id}` : `Enrollment ${id}`}
            </button>
          ))}
        </div>
      )}
      <Select
        label="Proof"
        value={hand.proof}
        options={[
          ["key", "symmetric key"],
          ["certificate", "X.509 certificate"],
        ]}
      />
      {hand.proof.value === "key" ? (
        <TextField label="Key (base64)" value={hand.key} onEdit={() => void hand.fillConnect()} />
      ) : (
        <>
          <TextArea label="Certificate with its chain (PEM)" value={hand.certificate} />
          <TextArea label="Private key (PEM)" value={hand.privateKey} />
        </>
      )}
    </div>
  );
}

function Log() {
  return (
    <div class="step">
      <h2>What happened</h2>
      <ol class="log" aria-live="polite">
        {hand.log.value.length === 0 && <li class="faint">Nothing yet.</li>}
        {hand.log.value.map(({ key, time, tone, text, payload }) => (
          <li key={key} class={tone}>
            <span class="time">{timeOfDay(time)}</span> {tone === "sent" ? "→" : "←"} {text}
            {payload && <pre tabIndex={0}>{payload}</pre>}
          </li>
        ))}
      </ol>
    </div>
  );
}
