// SPDX-License-Identifier: MIT
/** Signatures for a blob: literal ones, and those of Microsoft's own generator. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import fc from "fast-check";
import { parseConfiguration } from "../../../emulator/configuration-reader";
import {
  type BlobStorage,
  blobProperties,
  blobSignature,
  blobUrl,
  readStorage,
} from "../../../emulator/hub/blob-storage";
import { freshSeed } from "../../helpers/seeds";

const KEY = Buffer.alloc(64, 5).toString("base64");
const CONNECTION = `DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=${KEY};EndpointSuffix=core.windows.net`;
const read = (text: string) => readStorage(text) as BlobStorage;

test("a signature that was computed elsewhere", () => {
  // printf with these lines, and openssl dgst -sha256 -mac HMAC, over a key of 64 bytes of 5.
  expect(blobSignature(read(CONNECTION), "uploads", "dev-1/a b.txt", "rw", 1_700_000_000_000)).toBe(
    "sv=2018-11-09&sr=b&sig=Ks26QOckZDuPLgVhbGPn7X6UFemXE%2B9eOcZeXq0yw3Y%3D&se=2023-11-14T22%3A13%3A20Z&sp=rw",
  );
});

test.each([20_181_109, freshSeed])("the ones of @azure/storage-blob (seed %i)", (seed) => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((name) => !/\p{Cc}/u.test(name)),
      fc.constantFrom("r", "rw", "rcw"),
      fc.integer({ min: 1_500_000_000, max: 4_000_000_000 }),
      (blobName, permissions, seconds) => {
        const expiresOn = new Date(seconds * 1000);
        const theirs = generateBlobSASQueryParameters(
          {
            version: "2018-11-09",
            containerName: "uploads",
            blobName,
            permissions: BlobSASPermissions.parse(permissions),
            expiresOn,
          },
          new StorageSharedKeyCredential("contoso", KEY),
        ).toString();
        const ours = blobSignature(read(CONNECTION), "uploads", blobName, permissions, expiresOn.getTime());
        const sorted = (query: string) => [...new URLSearchParams(query)].sort();
        expect(sorted(ours)).toEqual(sorted(theirs));
      },
    ),
    { seed, numRuns: 100 },
  );
});

test.each([
  [CONNECTION, "https://contoso.blob.core.windows.net"],
  [`AccountName=contoso;AccountKey=${KEY}`, "https://contoso.blob.core.windows.net"],
  [
    `accountname = contoso ; AccountKey=${KEY};BlobEndpoint=https://127.0.0.1:1234/contoso/`,
    "https://127.0.0.1:1234/contoso",
  ],
  ["UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1"],
])("the endpoint of %s", (text, endpoint) => {
  expect(read(text).endpoint).toBe(endpoint);
  expect(blobUrl(read(text), "c", "a/b ?#é")).toBe(`${endpoint}/c/a/b%20%3F%23%C3%A9`);
});

test.each([
  ["AccountKey=c2VjcmV0", "needs AccountName="],
  ["AccountName=Contoso;AccountKey=c2VjcmV0", "needs AccountName="],
  ["AccountName=contoso", "needs AccountKey="],
  ["AccountName=contoso;AccountKey=c2VjcmV0;BlobEndpoint=ftp://x", "has a BlobEndpoint="],
  ["AccountName=contoso;AccountKey=c2VjcmV0;BlobEndpoint=https://", "has a BlobEndpoint="],
])("the configuration refuses %s by its place, and does not repeat it", (connectionString, problem) => {
  const hub = { name: "a.example", storage: { connectionString, containerName: "uploads" } };
  let message = "";
  try {
    parseConfiguration(JSON.stringify({ idScope: "0ne1", iotHubs: [hub] }), "file");
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(`file: iotHubs[0].storage.connectionString ${problem}`);
  expect(message).not.toContain("c2VjcmV0");
});

test("storage that says no, or is not there, is told in words", async () => {
  const server = createServer((_request, response) => response.writeHead(403).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const storage = read(`AccountName=contoso;AccountKey=${KEY};BlobEndpoint=http://127.0.0.1:${port}/contoso`);
  const ask = () => blobProperties(storage, "c", "b", Date.now(), "");
  await expect(ask()).rejects.toThrow("storage answers with status 403");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(ask()).rejects.toThrow(/^storage does not answer: .*ECONNREFUSED/);
});
