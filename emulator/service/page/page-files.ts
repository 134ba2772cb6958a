// SPDX-License-Identifier: MIT
/** The built page, held in memory: what a browser may be given, and nothing else of the disk. */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Where `scripts/build-page.ts` puts it. */
export const PAGE_DIRECTORY = fileURLToPath(new URL("../../../dist/page/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** Scripts, styles and requests come from here alone; nothing may frame it, and it posts no form anywhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Of every answer of the page's port. */
export const SECURITY_HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Files by path. */
export type PageFiles = ReadonlyMap<string, { type: string; bytes: Buffer; gzip: Buffer }>;

/** Reads the page. @throws Error, with what to do, when it was not built */
export function readPage(directory: string = PAGE_DIRECTORY): PageFiles {
  const files = new Map<string, { type: string; bytes: Buffer; gzip: Buffer }>();
  const names = (() => {
    try {
      return readdirSync(directory, { recursive: true, encoding: "utf8" });
    } catch {
      return [];
    }
  })();
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const bytes = readFileSync(join(directory, name));
    files.set(`/${name.split(sep).join("/")}`, { type, bytes, gzip: gzipSync(bytes, { level: 9 }) });
  }
  const index = files.get("/index.html");
  if (!index)
    throw new Error(`${directory} holds no page; in a checkout \`npx tsx scripts/build-page.ts\` builds it`);
  return files.set("/", index);
}

/** The answer to a GET of a file; undefined when there is none of that path. */
export function fileResponse(files: PageFiles, path: string, acceptEncoding: string): Response | undefined {
  const file = files.get(path);
  if (!file) return undefined;
  const zipped = acceptEncoding.includes("gzip");
  return new Response(new Uint8Array(zipped ? file.gzip : file.bytes), {
    headers: {
      ...SECURITY_HEADERS,
      "content-type": file.type,
      vary: "accept-encoding",
      // The names of the others hold a digest of their content.
      "cache-control": path.startsWith("/assets/") ? "private, max-age=31536000, immutable" : "no-cache",
      ...(zipped ? { "content-encoding": "gzip" } : {}),
    },
  });
}
