// SPDX-License-Identifier: MIT
/** The diagram as a picture in SVG. Its colours are fixed, for it goes onto paper and into issues. */
import { timeOfDay } from "../parts/time";
import { laneName, laneOf } from "./lanes";
import type { Row } from "./rows";

/** Rows of a picture at most: browsers bound the height of an image. */
export const MOST_PICTURED = 500;
const ROW = 30;
const HEAD = 40;
const LEFT = 210;
const WIDTH = 1200;

const COLOURS: Readonly<Record<Row["tone"], string>> = {
  plain: "#33475b",
  good: "#1a7f4b",
  bad: "#b3261e",
  fault: "#8a4b00",
  end: "#5b6775",
  quiet: "#8b97a5",
};

/** The last rows as SVG. */
export function toSvg(rows: readonly Row[], peers: readonly string[]): string {
  const drawn = rows.slice(-MOST_PICTURED);
  const height = HEAD + drawn.length * ROW + 16;
  const x = (peer: string) => LEFT + (laneOf(peers, peer) * (WIDTH - LEFT)) / 100;
  const parts = ["", ...peers].map(
    (peer) =>
      `<line x1="${x(peer)}" y1="${HEAD}" x2="${x(peer)}" y2="${height}" stroke="#cdd5df"/>` +
      `<text x="${x(peer)}" y="24" text-anchor="middle" font-weight="600">${escaped(peer === "" ? "device" : laneName(peer))}</text>`,
  );
  for (const [at, row] of drawn.entries()) {
    const y = HEAD + at * ROW + 22;
    const colour = COLOURS[row.tone];
    const near = x("");
    const far = x(row.peer);
    parts.push(`<text x="10" y="${y}" fill="#5b6775">${timeOfDay(row.time)}</text>`);
    parts.push(`<text x="100" y="${y}" fill="#33475b">${escaped(row.device.slice(0, 16))}</text>`);
    if (row.way === "mark") parts.push(`<circle cx="${far}" cy="${y}" r="4" fill="${colour}"/>`);
    else {
      const [from, to] = row.way === "out" ? [near, far] : [far, near];
      const back = to > from ? -8 : 8;
      parts.push(`<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke="${colour}"/>`);
      parts.push(`<path d="M${to} ${y}l${back} -4v8z" fill="${colour}"/>`);
    }
    const words = `${row.title} ${row.detail}${row.reason === undefined ? "" : `: ${row.reason}`}`;
    parts.push(
      `<text x="${Math.min(near, far) + 10}" y="${y - 6}" fill="${colour}">${escaped(words.slice(0, 120))}</text>`,
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${parts.join("")}</svg>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
