// SPDX-License-Identifier: MIT
/** Filter, pause and export of the diagram. */
import { useSignal } from "@preact/signals";
import { download } from "../parts/download";
import { allRows, clear, filter, heldBack, paused, peers, setPaused, shown } from "./diary";
import { toSvg } from "./picture";
import { toPng } from "./png";

export function Toolbar() {
  const problem = useSignal("");
  const { text, hideQuiet, troubleOnly } = filter.value;
  const set = (change: Partial<typeof filter.value>) => {
    filter.value = { ...filter.value, ...change };
  };
  const { count } = shown.value;
  const rows = () => shown.peek().rows;
  const exportPng = async () => {
    try {
      download("berth.png", "image/png", await toPng(rows(), peers.peek()));
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <div class="toolbar" role="group" aria-label="What is shown">
      <input
        type="search"
        placeholder="Filter: device, hub, packet, reason"
        aria-label="Filter"
        value={text}
        onInput={(event) => set({ text: event.currentTarget.value })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={troubleOnly}
          onChange={(event) => set({ troubleOnly: event.currentTarget.checked })}
        />
        Trouble only
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={hideQuiet}
          onChange={(event) => set({ hideQuiet: event.currentTarget.checked })}
        />
        No PING, PUBACK
      </label>
      <button type="button" aria-pressed={paused.value} onClick={() => setPaused(!paused.value)}>
        {paused.value ? `Go on (${heldBack.value} new)` : "Pause"}
      </button>
      <span class="exports">
        <span class="faint count">
          {count === allRows().length ? `${count} rows` : `${count} of ${allRows().length} rows`}
        </span>
        <button
          type="button"
          disabled={count === 0}
          onClick={() =>
            download(
              "berth.json",
              "application/json",
              JSON.stringify(
                rows().map(({ record }) => record),
                undefined,
                1,
              ),
            )
          }
        >
          JSON
        </button>
        <button
          type="button"
          disabled={count === 0}
          onClick={() => download("berth.svg", "image/svg+xml", toSvg(rows(), peers.peek()))}
        >
          SVG
        </button>
        <button type="button" disabled={count === 0} onClick={exportPng}>
          PNG
        </button>
        <button type="button" class="plain" disabled={count === 0} onClick={clear}>
          Clear
        </button>
      </span>
      {problem.value !== "" && (
        <span class="problem" role="alert">
          {problem.value}
        </span>
      )}
    </div>
  );
}
