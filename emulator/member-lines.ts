// SPDX-License-Identifier: MIT
/** Lines of a JSON document, which a parser does not tell. */

/** A string, a bracket or a comma: what structure is made of. */
const TOKENS = '"(?:[^"\\\\]|\\\\.)*"|[[\\]{},:]|\\n';

/**
 * The line on which each member of some arrays at the top of a document begins, counted from 1.
 * @param document sound JSON
 * @param names of the arrays; one that is not there has no lines
 */
export function memberLines<N extends string>(document: string, names: readonly N[]): Record<N, number[]> {
  const lines = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  let line = 1;
  let depth = 0;
  let key = "";
  let last = "";
  for (const [token] of document.matchAll(new RegExp(TOKENS, "g"))) {
    if (token === "\n") {
      line++;
      continue;
    }
    if (token === ":" && depth === 1) key = JSON.parse(last) as string;
    if (token === "{" || token === "[") {
      // Of two members of one name the last one counts.
      if (depth === 1 && token === "[" && Object.hasOwn(lines, key)) lines[key as N] = [];
      if (depth === 2 && token === "{" && Object.hasOwn(lines, key)) lines[key as N].push(line);
      depth++;
    } else if (token === "}" || token === "]") depth--;
    last = token;
  }
  return lines;
}
