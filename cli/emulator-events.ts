// SPDX-License-Identifier: MIT
import type { Emulator } from "../emulator/emulator";
import type { EnrollmentPlace } from "../emulator/enrollment-registry";
import { bodyFields } from "./body";
import type { Output } from "./output";

/** Prints what an emulator reports. Its events hold no keys and no tokens. */
export function reportEvents(emulator: Pick<Emulator, "events">, output: Output): void {
  const { events } = emulator;
  events.on("connect", (event) =>
    output.passing({ event: "connect", ...event }, `${event.endpoint}: ${event.id} connected`),
  );
  events.on("refuse", (event) =>
    output.passing(
      { event: "refuse", ...event },
      `${event.endpoint ?? "?"}: ${event.id} refused: ${event.reason}${placeText(event.enrollment)}`,
    ),
  );
  events.on("serviceRefused", (event) =>
    output.passing(
      { event: "serviceRefused", ...event },
      `${event.host}: a request to ${event.path} refused: ${event.reason}`,
    ),
  );
  events.on("disconnect", (event) =>
    output.passing({ event: "disconnect", ...event }, `${event.endpoint}: ${event.id} gone: ${event.reason}`),
  );
  events.on("response", (event) => {
    const { registrationId, request, status, outcome, errorCode, reason, enrollment, retryAfter } = event;
    const code = errorCode === undefined ? "" : ` ${errorCode}`;
    const why = reason === undefined ? "" : `: ${reason}${placeText(enrollment)}`;
    const wait = retryAfter === undefined ? "" : `, next in ${retryAfter} s at the earliest`;
    output.passing(
      { event: "response", ...event },
      `dps: ${request} of ${registrationId}: ${status} ${outcome}${code}${why}${wait}`,
    );
  });
  events.on("assigned", ({ registrationId, assignedHub, deviceId, substatus }) => {
    const fields = { registrationId, assignedHub, deviceId, substatus };
    output.passing(
      { event: "assigned", ...fields },
      `dps: ${registrationId} is ${deviceId} of ${assignedHub} (${substatus})`,
    );
  });
  events.on("telemetry", ({ hub, deviceId, body, properties, qos, dup }) => {
    // `fromEntries` defines own members, so that a property `__proto__` is one.
    const bag = Object.fromEntries(properties);
    const fields = { hub, deviceId, bytes: body.length, ...bodyFields(body), properties: bag, qos, dup };
    output.passing(
      { event: "telemetry", ...fields },
      `${hub}: ${body.length} bytes of telemetry from ${deviceId}`,
    );
  });
  events.on("delivered", (event) =>
    output.passing(
      { event: "delivered", ...event },
      `${event.hub}: message ${event.sequence} delivered to ${event.deviceId}`,
    ),
  );
  events.on("fault", ({ rule, id, endpoint }) =>
    output.passing(
      { event: "fault", step: rule.step, action: rule.action, id, endpoint },
      `fault: ${rule.action} at ${rule.step}${id === undefined ? "" : ` of ${id}`}${rule.action === "drop" ? ": no answer" : ""}`,
    ),
  );
  events.on("stranger", (event) =>
    output.passing({ event: "stranger", ...event }, `${event.address} was not served: ${event.reason}`),
  );
  events.on("problem", (error) => output.passingWarning(error.message));
  events.on("reported", ({ hub, deviceId, patch }) => {
    const fields = { hub, deviceId, properties: Object.keys(patch) };
    output.passing(
      { event: "reported", ...fields },
      `${hub}: ${deviceId} reported ${fields.properties.join(", ")}`,
    );
  });
  events.on("desired", ({ patch, ...event }) => {
    const properties = Object.keys(patch);
    output.passing(
      { event: "desired", ...event, properties },
      `${event.hub}: ${event.deviceId} shall have ${properties.join(", ")}`,
    );
  });
  events.on("queued", ({ hub, deviceId, sequence, body }) =>
    output.passing(
      { event: "queued", hub, deviceId, sequence, bytes: body.length },
      `${hub}: message ${sequence} waits for ${deviceId}`,
    ),
  );
  events.on("methodResult", ({ hub, deviceId, call, name, ...result }) => {
    const what = "status" in result ? `answered ${result.status}` : `failed: ${result.reason}`;
    const told = "status" in result ? { status: result.status } : result;
    output.passing(
      { event: "methodResult", hub, deviceId, call, name, ...told },
      `${hub}: method ${name} of ${deviceId} ${what}`,
    );
  });
  events.on("certificateRequest", ({ registrationId }) =>
    output.passingWarning(
      `${registrationId} asks for a certificate; the emulator issues none and assigns it without`,
    ),
  );
  events.on("unknownApiVersion", ({ registrationId, apiVersion }) =>
    output.passingWarning(
      `${registrationId} speaks the API version ${apiVersion}, which the emulator does not know`,
    ),
  );
}

/** Which enrollment a refusal rests on, and where it stands. */
function placeText(place: EnrollmentPlace | undefined): string {
  if (!place) return "";
  const what = place.kind === "group" ? "enrollment group" : "enrollment";
  return ` (${what} ${place.id}${place.line === undefined ? "" : `, ${place.source}:${place.line}`})`;
}
