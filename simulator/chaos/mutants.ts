// SPDX-License-Identifier: MIT
/** Faults to be planted in `src/`: one change of one file each, made in a copy that is bundled, never on disk. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Subject } from "./unit";

export interface Mutant {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  /** Stands in the file once. */
  readonly from: string;
  readonly to: string;
}

export const ROOT = join(import.meta.dirname, "../..");

export const MUTANTS: readonly Mutant[] = Object.freeze([
  {
    name: "what was on its way is not taken back at a move",
    file: "agent/telemetry.ts",
    from: "this.#outbox.restore(message);",
    to: "",
  },
  {
    name: "what was on its way is not sent again",
    file: "mqtt/session.ts",
    from: "this.#resend = this.#inFlight.count ? 0 : NONE;",
    to: "this.#resend = NONE;",
  },
  {
    name: "any PUBACK counts for the oldest message",
    file: "mqtt/session.ts",
    from: "if (index < 0) return;\n    const message = inFlight.take(index);",
    to: "if (inFlight.count === 0) return;\n    const message = inFlight.take(Math.max(index, 0));",
  },
  {
    name: "the youngest message takes the place of one that is acknowledged",
    file: "mqtt/in-flight.ts",
    from: "this.#ids.copyWithin(index, index + 1, last + 1);\n      this.#messages.copyWithin(index, index + 1, last + 1);",
    to: "this.#ids.copyWithin(index, last, last + 1);\n      this.#messages.copyWithin(index, last, last + 1);",
  },
  {
    name: "what is taken back goes to the end of the queue",
    file: "agent/outbox.ts",
    from: "message.next = this.oldest;\n    this.oldest = message;\n    this.#last ??= message;",
    to: "message.next = undefined;\n    if (this.#last) this.#last.next = message; else this.oldest = message;\n    this.#last = message;",
  },
  {
    name: "what is dropped is not told",
    file: "agent/telemetry.ts",
    from: "this.#dropped += count;\n    if (this.#telling) return;",
    to: "if (this.#telling || count > 0) return;",
  },
  {
    name: "the outbox has no bound",
    file: "agent/outbox.ts",
    from: "return this.#count < this.#capacity && this.#bytes + bytes <= this.#maximumBytes;",
    to: "return this.#bytes + bytes >= 0;",
  },
  {
    name: "what is dropped is told from inside send",
    file: "agent/telemetry.ts",
    from: "this.#dropAlarm.set(0, () => this.#tellDropped());",
    to: "this.#tellDropped();",
  },
  {
    name: "no back-off",
    file: "backoff.ts",
    from: "(step / 2) * (1 + random)",
    to: "0",
  },
  {
    name: "retry-after is no floor",
    file: "backoff.ts",
    from: "floor > 0 ? told : 0",
    to: "0",
  },
  {
    name: "what DPS has told is forgotten with the attempt",
    file: "agent/provisioner.ts",
    from: "if (retryAfter !== undefined) this.#notBefore = this.#host.clock.ticks() + retryAfter * 1000;",
    to: "",
  },
  {
    name: "polls come at once",
    file: "agent/provisioner.ts",
    from: "const FASTEST_POLL = 2_000;\nconst POLL_JITTER = 1_000;",
    to: "const FASTEST_POLL = 1;\nconst POLL_JITTER = 1;",
  },
  {
    name: "each attempt registers anew, and soon",
    file: "agent/retry.ts",
    from: "return backoffDelay(this.#billed, this.registrations - this.#throttled, random, retryAfter);",
    to: "return backoffDelay(this.#backoff, 0, random, retryAfter);",
  },
  {
    name: "DPS's connection stays open beside the hub's",
    file: "agent/connections.ts",
    from: "this.#provisioner?.close();\n    this.#provisioner = undefined;",
    to: "this.#provisioner = undefined;",
  },
  {
    name: "the end of a session leaves its transport",
    file: "mqtt/session.ts",
    from: "this.#transport?.close();",
    to: "",
  },
  {
    name: "a PUBACK that is missing is never missed",
    file: "mqtt/session.ts",
    from: 'if (passed(this.#publishDeadline, now)) throw new BerthError("publish-timeout");',
    to: "",
  },
  {
    name: "CONNACK is waited for without end",
    file: "mqtt/session.ts",
    from: "if (passed(this.#phaseDeadline, now)) {",
    to: "if (now < 0) {",
  },
  {
    name: "a token is not renewed before its end",
    file: "agent/hub-connection.ts",
    from: "const life = this.#lifetime * (0.75 + 0.1 * this.#host.random());",
    to: "const life = this.#lifetime * (1.05 + 0.1 * this.#host.random());",
  },
  {
    name: "each assignment is written to the same slot",
    file: "storage/record-store.ts",
    from: "const target = oldestOf(slots, newest);",
    to: "const target = slots[0];",
  },
  {
    name: "a record is believed without its checksum",
    file: "storage/record.ts",
    from: "|| view.getUint32(end) !== crc32(bytes.subarray(0, end))",
    to: "",
  },
  {
    name: "the assignment is not stored",
    file: "agent/known-hub.ts",
    from: "this.#store.write(this.#assignment);",
    to: "",
  },
  {
    name: "forgetting leaves the record",
    file: "agent/known-hub.ts",
    from: "this.#store.forget();\n",
    to: "",
  },
  {
    name: "a refusal of the hub does not lead to DPS",
    file: "agent/refusal.ts",
    from: 'return refusesIdentity(code) || code === "invalid-argument";',
    to: 'return code === "invalid-argument";',
  },
  {
    name: "what a person has to mend is tried again once in ten hours",
    file: "agent/retry.ts",
    from: "base: 60_000, cap: 3_600_000",
    to: "base: 6_000_000, cap: 36_000_000",
  },
  {
    name: "the twin is not read after a connection",
    file: "azure/hub/twin.ts",
    from: "if (this.#options.onDesired || this.#readers.length > 0) this.#wanted = true;",
    to: "if (this.#known < 0 && this.#options.onDesired) this.#wanted = true;",
  },
  {
    name: "a report without an answer is not sent again",
    file: "azure/hub/twin.ts",
    from: "const pending = [this.#reported];",
    to: "const pending: Patch[] = [];",
  },
  {
    name: "a call can be answered twice",
    file: "azure/hub/direct-methods.ts",
    from: "if (!this.#calls.includes(waiting)) return false;",
    to: "",
  },
  {
    name: "answers outlive their connection",
    file: "azure/hub/direct-methods.ts",
    from: "this.#calls.length = this.#answers.length = 0;",
    to: "",
  },
  {
    name: "any number of calls is let in",
    file: "azure/hub/direct-methods.ts",
    from: "return this.#calls.length + this.#answers.length < this.#maximumCalls;",
    to: "return true;",
  },
  {
    name: "a message is acknowledged and not handed over",
    file: "azure/hub/cloud-to-device.ts",
    from: "onMessage({ properties, payload, offset, byteLength });",
    to: "if (this.#streams) onMessage({ properties, payload, offset, byteLength });",
  },
  {
    name: "what reading throws escapes into the platform",
    file: "mqtt/session.ts",
    from: "        } catch (error) {\n          this.#fail(asBerthError(error));\n        }\n      },\n      onWritable",
    to: "        } finally { }\n      },\n      onWritable",
  },
  {
    name: "an alarm that is cancelled leaves its timer",
    file: "alarm.ts",
    from: "if (this.#work) this.#timers.clear(this.#timer);",
    to: "",
  },
  {
    name: "the hub's session is not kept",
    file: "agent/hub-connection.ts",
    from: "clean: false,",
    to: "clean: true,",
  },
]);

/** @throws Error when the text to be changed does not stand there once */
export function plant({ name, file, from, to }: Mutant): string {
  const source = readFileSync(join(ROOT, "src", file), "utf8");
  if (source.split(from).length !== 2) {
    throw new Error(
      `"${name}": src/${file} does not hold the text to be changed once; correct simulator/chaos/mutants.ts`,
    );
  }
  return source.replace(from, () => to);
}

/** The public class with the fault in it. @throws Error as `plant` */
export async function subjectWith(mutant: Mutant): Promise<Subject> {
  const contents = plant(mutant);
  const path = join(ROOT, "src", mutant.file);
  const result = await build({
    entryPoints: [join(ROOT, "simulator/chaos/subject.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    logLevel: "silent",
    plugins: [
      {
        name: "mutant",
        setup(bundle) {
          bundle.onLoad({ filter: /\.ts$/ }, (load) =>
            load.path === path ? { contents, loader: "ts" } : undefined,
          );
        },
      },
    ],
  });
  const code = result.outputFiles[0]?.text ?? "";
  return (await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`)) as Subject;
}
