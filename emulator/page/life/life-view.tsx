// SPDX-License-Identifier: MIT
/** The life of devices as a sequence diagram, a packet in detail, and the client by hand. */
import { useComputed, useSignal } from "@preact/signals";
import { VirtualList } from "../parts/virtual-list";
import { Arrow } from "./arrow";
import { Detail } from "./detail";
import { chosen, peers, shown } from "./diary";
import { HandPanel } from "./hand/hand-panel";
import { laneName, laneOf } from "./lanes";
import { Toolbar } from "./toolbar";

const ROW_HEIGHT = 34;

export function LifeView() {
  const follows = useSignal(true);
  const side = useSignal<"packet" | "hand">("packet");
  const chosenAt = useComputed(() => (chosen.value ? shown.value.rows.indexOf(chosen.value) : -1));
  const { rows, count } = shown.value;
  const lanes = peers.value;
  return (
    <div class="life">
      <section class="diagram" aria-label="Sequence diagram">
        <Toolbar />
        <div class="row head" aria-hidden="true">
          <span class="cell time">Time</span>
          <span class="cell who">Device</span>
          <span class="cell lanes">
            {["", ...lanes].map((peer) => (
              <span
                key={peer}
                class="lane-name"
                style={{ left: `${laneOf(lanes, peer)}%`, maxWidth: `${100 / (lanes.length + 1)}%` }}
              >
                {peer === "" ? "device" : laneName(peer)}
              </span>
            ))}
          </span>
        </div>
        <VirtualList
          label="Packets and events"
          count={count}
          rowHeight={ROW_HEIGHT}
          keyOf={(at) => rows[at]!.key}
          render={(at) => <Arrow row={rows[at]!} peers={lanes} />}
          chosen={chosenAt.value}
          onChoose={(at) => {
            chosen.value = rows[at];
            side.value = "packet";
          }}
          follows={follows.value}
          onFollow={(value) => {
            follows.value = value;
          }}
          empty={
            <p>
              No packet yet. Start a device, or take the client by hand at the side:
              <br />
              <code>npx berth device --help</code> says how a device finds this emulator.
            </p>
          }
        />
        {!follows.value && (
          <button
            type="button"
            class="to-end"
            onClick={() => {
              chosen.value = undefined;
              follows.value = true;
            }}
          >
            Go to the latest
          </button>
        )}
      </section>
      <aside class="side" aria-label="Packet, and client by hand">
        <div class="tabs" role="tablist" aria-label="Side">
          {(["packet", "hand"] as const).map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={side.value === name}
              aria-controls={`panel-${name}`}
              tabIndex={side.value === name ? 0 : -1}
              onKeyDown={(event) => {
                if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
                side.value = name === "packet" ? "hand" : "packet";
                document.getElementById(`tab-${side.value}`)?.focus();
              }}
              onClick={() => {
                side.value = name;
              }}
            >
              {name === "packet" ? "Packet" : "Client by hand"}
            </button>
          ))}
        </div>
        <div
          id="panel-packet"
          role="tabpanel"
          aria-labelledby="tab-packet"
          class="panel"
          hidden={side.value !== "packet"}
        >
          <Detail row={chosen.value} />
        </div>
        <div
          id="panel-hand"
          role="tabpanel"
          aria-labelledby="tab-hand"
          class="panel"
          hidden={side.value !== "hand"}
        >
          <HandPanel />
        </div>
      </aside>
    </div>
  );
}
