// SPDX-License-Identifier: MIT
/** One row of the diagram: the time, the device, and an arrow between two lifelines, or a mark on one. */
import { timeOfDay } from "../parts/time";
import { laneName, laneOf } from "./lanes";
import type { Row } from "./rows";

/** What is between the device and the words for those who do not see the arrow. */
function pathOf({ peer, way }: Row): string {
  const other = peer === "" ? "the emulator" : laneName(peer);
  return way === "out" ? ` to ${other}: ` : way === "in" ? ` from ${other}: ` : ` ${other}: `;
}

export function Arrow({ row, peers }: { row: Row; peers: readonly string[] }) {
  const { time, device, peer, way, tone, title, detail, reason, place } = row;
  const near = laneOf(peers, "");
  const far = laneOf(peers, peer);
  const start = Math.min(near, far);
  const why =
    reason === undefined
      ? detail
      : `${detail}: ${reason}${place?.line === undefined ? "" : ` (${place.source}:${place.line})`}`;
  return (
    <>
      <span class="cell time">{timeOfDay(time)}</span>
      <span class="cell who">{device || "?"}</span>
      <span class={`cell lanes ${tone}`}>
        {["", ...peers].map((one) => (
          <i key={one} class="lifeline" style={{ left: `${laneOf(peers, one)}%` }} />
        ))}
        {way === "mark" ? (
          <i class="mark" style={{ left: `${far}%` }} />
        ) : (
          <i class={`arrow ${way}`} style={{ left: `${start}%`, width: `${Math.abs(far - near)}%` }} />
        )}
        <span class="hidden">{pathOf(row)}</span>
        <span
          class={way === "mark" && far > 60 ? "words before" : "words"}
          style={
            way === "mark"
              ? far > 60
                ? { right: `${100 - far}%`, maxWidth: `${far}%` }
                : { left: `${far}%`, maxWidth: `${100 - far}%` }
              : { left: `${start}%`, maxWidth: `${100 - start}%` }
          }
        >
          <span class="small-who">{device} </span>
          <b>{title}</b> {why}
        </span>
      </span>
    </>
  );
}
