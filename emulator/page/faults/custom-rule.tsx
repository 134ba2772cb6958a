// SPDX-License-Identifier: MIT
/** A rule of one's own, in the JSON that `POST /faults` takes. */
import { TextArea } from "../parts/field";
import { storedText } from "../parts/stored";
import { Task } from "../parts/task";
import type { Rule } from "./rules";

const text = storedText(
  "faults.rule",
  '{"step":"twinGet","action":"status","status":429,"retryAfter":5,"probability":0.5}',
);

export function CustomRule({ add }: { add(rule: Rule): Promise<void> }) {
  return (
    <details>
      <summary>A rule of your own</summary>
      <TextArea label="JSON; the emulator says what is wrong in it" value={text} />
      <Task
        run={async () => {
          let rule: Rule;
          try {
            rule = JSON.parse(text.peek()) as Rule;
          } catch {
            throw new Error("this is not JSON");
          }
          await add(rule);
        }}
      >
        Add
      </Task>
    </details>
  );
}
