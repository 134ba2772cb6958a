// SPDX-License-Identifier: MIT
/** Telemetry of a device: a chart of its numbers, and the messages. */
import { useSignal } from "@preact/signals";
import { changed, historyOf } from "../model/history";
import { timeOfDay } from "../parts/time";
import { VirtualList } from "../parts/virtual-list";
import { Chart } from "./chart";
import { numbersOf } from "./numbers";

export function Telemetry({ id, hub }: { id: string; hub: string }) {
  changed.value;
  const chosen = useSignal<number | undefined>(undefined);
  const follows = useSignal(true);
  const messages = historyOf(id).telemetry.filter((message) => message.hub === hub);
  const series = numbersOf(messages);
  const at = messages.findIndex(({ seq }) => seq === chosen.value);
  const one = messages[at];
  return (
    <section class="card wide telemetry">
      <h3>Telemetry</h3>
      {series.times.length > 1 && <Chart series={series} label={`Numbers in the telemetry of ${id}`} />}
      <div class="messages">
        <VirtualList
          label="Messages"
          count={messages.length}
          rowHeight={28}
          keyOf={(index) => messages[index]!.seq}
          render={(index) => {
            const { time, bytes, payload } = messages[index]!;
            return (
              <span class="message-row">
                <span class="mono faint">{timeOfDay(Date.parse(time))}</span>
                <span class="mono">{payload ?? "(no text)"}</span>
                <span class="faint">{bytes} B</span>
              </span>
            );
          }}
          chosen={at}
          onChoose={(index) => {
            chosen.value = messages[index]!.seq;
          }}
          follows={follows.value}
          onFollow={(value) => {
            follows.value = value;
          }}
          empty={<p>No message since the emulator began to keep them.</p>}
        />
      </div>
      {one && (
        <>
          <h3>Message of {timeOfDay(Date.parse(one.time))}</h3>
          <pre tabIndex={0}>{one.payload ?? one.base64}</pre>
          {Object.keys(one.properties).length > 0 && (
            <pre tabIndex={0}>{JSON.stringify(one.properties, undefined, 2)}</pre>
          )}
        </>
      )}
    </section>
  );
}
