// SPDX-License-Identifier: MIT

/** `word` for a POSIX shell, in quotes where it needs them: for commands that a person copies. */
export function shellWord(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** As `shellWord`, for a path: one that begins with `-` would read as an option. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
