// SPDX-License-Identifier: MIT
/** A report as one page that needs nothing else. */
import { SCENARIOS } from "../scenarios";
import { plots } from "./plot";
import { type FleetReport, heading, type Row, rows } from "./report";

/** @param command that made it */
export function page(report: FleetReport, command: string): string {
  const { title } = SCENARIOS[report.scenario];
  const [head, ...body] = rows(report) as [Row, ...Row[]];
  const cells = (tag: "th" | "td", [name, ...values]: Row): string =>
    `<tr><th scope="row">${escaped(name)}</th>${values.map((value) => `<${tag}>${escaped(value)}</${tag}>`).join("")}</tr>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}: ${report.devices} devices</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(heading(report))}</p>
<div class="wide"><table>
<thead>${cells("th", head)}</thead>
<tbody>
${body.map((row) => cells("td", row)).join("\n")}
</tbody>
</table></div>
${plots(report)}
<p class="small">The plots show the most in a second; the dashed line is the hub's quota. Made by <code>${escaped(command)}</code>.</p>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#222;--faint:#666;--grid:#e3e3e3}
@media(prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#e8e8e8;--faint:#a0a4ab;--grid:#30343b}}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:760px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--grid);text-align:right;white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400}
svg{width:100%;height:auto}
.small{color:var(--faint);font-size:.875rem}
code{overflow-wrap:anywhere}`;
