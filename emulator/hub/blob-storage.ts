// SPDX-License-Identifier: MIT
/**
 * The storage account that files are uploaded to: its connection string, signatures for one blob, and what has come.
 * Source: "Configure Azure Storage connection strings", "Create a service SAS", "Get Blob Properties" (Azure documents).
 */
import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";

/** A storage account. */
export interface BlobStorage {
  account: string;
  key: Buffer;
  /** Of blobs, without a slash at its end: Azure's, or with the account in its path as Azurite has it. */
  endpoint: string;
}

/** The account that every Azurite has; its key is in Microsoft's documents. */
const DEVELOPMENT =
  "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Reads a connection string of Azure Storage; what is wrong with it in words that hold nothing of it. */
export function readStorage(text: string): BlobStorage | { problem: string } {
  const whole = /^UseDevelopmentStorage=true;?$/i.test(text) ? DEVELOPMENT : text;
  const fields = new Map<string, string>();
  for (const part of whole.split(";")) {
    const at = part.indexOf("=");
    if (at > 0) fields.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const account = fields.get("accountname");
  const key = Buffer.from(fields.get("accountkey") ?? "", "base64");
  if (!account || !/^[a-z0-9]{3,24}$/.test(account))
    return { problem: "needs AccountName=, of 3 to 24 lower-case letters and digits" };
  if (key.length === 0) return { problem: "needs AccountKey=, in base64" };
  const protocol = fields.get("defaultendpointsprotocol") ?? "https";
  const suffix = fields.get("endpointsuffix") ?? "core.windows.net";
  const endpoint = (fields.get("blobendpoint") ?? `${protocol}://${account}.blob.${suffix}`).replace(
    /\/+$/,
    "",
  );
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint))
    return { problem: "has a BlobEndpoint= that is no URL of http or https" };
  return { account, key, endpoint };
}

/** The version whose string to sign this is. */
const VERSION = "2018-11-09";

/**
 * A signature for one blob.
 * @param permissions for example `rw`
 * @param expiry milliseconds since 1970
 * @returns a query, without its question mark
 */
export function blobSignature(
  { account, key }: BlobStorage,
  container: string,
  blob: string,
  permissions: string,
  expiry: number,
): string {
  const se = `${new Date(expiry).toISOString().slice(0, 19)}Z`;
  // No start, identifier, address, protocol, snapshot, and none of the five headers that could be set.
  const unused = ["", "", ""];
  const signed = [
    ...[permissions, "", se, `/blob/${account}/${container}/${blob}`, ...unused, VERSION, "b", ""],
    ...["", "", "", "", ""],
  ].join("\n");
  const sig = createHmac("sha256", key).update(signed).digest("base64");
  return Object.entries({ sv: VERSION, sr: "b", sig, se, sp: permissions })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

/** The address of a blob. */
export function blobUrl({ endpoint }: BlobStorage, container: string, blob: string): string {
  return `${endpoint}/${container}/${blob.split("/").map(encodeURIComponent).join("/")}`;
}

/** Milliseconds that storage may take to say what it has. */
const TIMEOUT = 10_000;

/**
 * Size and time of a blob.
 * @param root trusted beside the public roots
 * @throws Error saying why there is none: storage does not answer, or answers with another status than 200
 */
export function blobProperties(
  storage: BlobStorage,
  container: string,
  blob: string,
  now: number,
  root: string,
): Promise<{ size: number; modified: string }> {
  const query = blobSignature(storage, container, blob, "r", now + TIMEOUT + 60_000);
  const url = new URL(`${blobUrl(storage, container, blob)}?${query}`);
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const options = { method: "HEAD", ca: [...rootCertificates, root], signal: AbortSignal.timeout(TIMEOUT) };
    send(url, options, (response) => {
      response.resume();
      const { "content-length": size = "", "last-modified": modified = "" } = response.headers;
      if (response.statusCode !== 200)
        reject(new Error(`storage answers with status ${response.statusCode}`));
      else resolve({ size: Number(size), modified });
    })
      .on("error", (error) => reject(new Error(`storage does not answer: ${error.message}`)))
      .end();
  });
}
