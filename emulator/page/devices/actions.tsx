// SPDX-License-Identifier: MIT
/** What a service can do with a device. */
import { useSignal } from "@preact/signals";
import { type Device, invokeMethod, patchDesired, sendMessage } from "../model/devices";
import { TextArea, TextField } from "../parts/field";
import { storedText } from "../parts/stored";
import { Task } from "../parts/task";
import { timeOfDay } from "../parts/time";

const body = storedText("message.body", "hello");
const properties = storedText("message.properties", "");
const method = storedText("method.name", "blink");
const payload = storedText("method.payload", '{"times":3}');
const timeout = storedText("method.timeout", "30");
const desired = storedText("desired", '{"period":60}');

export function Actions({ device: { hub, deviceId } }: { device: Device }) {
  const answers = useSignal<readonly { key: number; text: string; bad: boolean }[]>([]);
  const call = async () => {
    const name = method.peek();
    const before = `${timeOfDay(Date.now())} ${name}`;
    const tell = (text: string, bad: boolean) => {
      answers.value = [{ key: Date.now(), text: `${before}: ${text}`, bad }, ...answers.value].slice(0, 20);
    };
    try {
      const value = payload.peek().trim() === "" ? null : json(payload.peek(), "Payload");
      const answer = await invokeMethod(hub, deviceId, name, value, Number(timeout.peek()));
      tell(`${answer.status} ${JSON.stringify(answer.payload)}`, false);
    } catch (error) {
      tell((error as Error).message, true);
    }
  };
  return (
    <section class="card wide actions">
      <div>
        <h3>Cloud to device</h3>
        <TextArea label="Body" value={body} rows={2} />
        <TextArea label="Properties, one name=value a line" value={properties} rows={1} />
        <Task
          run={async () =>
            `message ${await sendMessage(hub, deviceId, body.peek(), bagOf(properties.peek()))} was queued for the device`
          }
        >
          Send message
        </Task>
      </div>
      <div>
        <h3>Direct method</h3>
        <div class="pair">
          <TextField label="Name" value={method} />
          <TextField label="Timeout, s" isNumber value={timeout} />
        </div>
        <TextArea label="Payload (JSON)" value={payload} rows={1} />
        <Task run={call}>Call method</Task>
        {answers.value.length > 0 && (
          <ol class="plain-list mono" tabIndex={0} aria-label="Answers">
            {answers.value.map(({ key, text, bad }) => (
              <li key={key} class={bad ? "problem" : ""}>
                {text}
              </li>
            ))}
          </ol>
        )}
      </div>
      <div>
        <h3>Desired properties</h3>
        <TextArea label="Patch (JSON; null removes)" value={desired} rows={3} />
        <Task
          run={async () => {
            const twin = await patchDesired(hub, deviceId, json(desired.peek(), "Patch"));
            return `desired version ${String(twin.properties.desired.$version)}`;
          }}
        >
          Change
        </Task>
      </div>
    </section>
  );
}

/** @throws Error in words */
function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${what} is not JSON`);
  }
}

function bagOf(text: string): Record<string, string> {
  const pairs = text.split("\n").flatMap((line) => {
    const [, name, value = ""] = /^([^=]+)=?(.*)$/.exec(line.trim()) ?? [];
    return name === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(pairs);
}
