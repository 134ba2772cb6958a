// SPDX-License-Identifier: MIT
/** File upload: storage is asked by the device itself. Source: "Upload files with IoT Hub" (Azure documents). */
import * as v from "valibot";
import { type BlobStorage, blobProperties, blobSignature, blobUrl } from "../../hub/blob-storage";
import { type FileUploads, MOST_UPLOADS } from "../../hub/file-uploads";
import { FLAG, maybe, object, text, whole } from "../../shapes";
import { readBody } from "../api";
import { ServiceError } from "../service-error";
import type { DeviceApi, DeviceCall } from "./device-api";

/** Where the files of a hub go. */
export interface FileStorage {
  storage: BlobStorage;
  container: string;
  uploads: FileUploads;
}

/** What the routes work with. */
export interface FileContext {
  /** Undefined when the configuration has no storage for the hub. */
  storageOf(hub: string): FileStorage | undefined;
  /** A root that storage is trusted by, beside the public ones: PEM. */
  root: string;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Bytes of a body. */
const LARGEST_BODY = 64 * 1024;
const BLOB_NAME = v.pipe(
  text(1024),
  v.check((name) => !/\p{Cc}/u.test(name), "may hold no control character"),
);
const BEGIN = object({ blobName: BLOB_NAME }, "all");
const END = object(
  {
    correlationId: maybe(text(128)),
    isSuccess: FLAG,
    statusCode: maybe(whole(-1, 999)),
    statusDescription: maybe(v.unknown()),
  },
  "all",
);

/** Adds the routes. */
export function deviceFileRoutes(api: DeviceApi, files: FileContext): void {
  api.on("POST", "/files", async ({ hub, device, context }) => {
    const { storage, container, uploads } = storageOf(files, hub);
    const { blobName: name } = await readBody(context, BEGIN, LARGEST_BODY);
    const upload = uploads.begin(device.deviceId, name);
    if (!upload)
      throw new ServiceError(
        "DeviceMaximumActiveFileUploadLimitExceeded",
        `Number of active file upload requests cannot exceed ${MOST_UPLOADS}; POST files/notifications for those that are done`,
      );
    const { correlationId, blobName, expiry } = upload;
    return Response.json({
      correlationId,
      // With the path that Azurite has the account in: clients put it behind `https://`.
      hostName: storage.endpoint.replace(/^https?:\/\//i, ""),
      containerName: container,
      blobName,
      sasToken: `?${blobSignature(storage, container, blobName, "rw", expiry)}`,
    });
  });
  api.on("POST", "/files/notifications", (call) => end(files, call));
  // As Microsoft's SDK for Node.js has it.
  api.on("POST", "/files/notifications/:correlationId", (call) =>
    end(files, call, call.context.req.param("correlationId")),
  );
}

async function end(files: FileContext, call: DeviceCall, inPath?: string): Promise<Response> {
  const { hub, device, endpoint, context } = call;
  const { storage, container, uploads } = storageOf(files, hub);
  const { correlationId = inPath, isSuccess } = await readBody(context, END, LARGEST_BODY);
  const upload = uploads.find(device.deviceId, correlationId ?? "");
  if (!upload)
    throw new ServiceError(
      "InvalidFileUploadCorrelationId",
      "this device has no upload of that correlation id under way; POST files begins one",
    );
  const { blobName } = upload;
  const now = files.now();
  const close = () => uploads.end(device.deviceId, upload.correlationId);
  if (upload.expiry <= now) {
    close();
    throw new ServiceError("ExpiredFileUploadCorrelationId", "its hour is over; begin the upload again");
  }
  if (isSuccess) {
    const { size, modified } = await blobProperties(storage, container, blobName, now, files.root).catch(
      (error: Error) => {
        throw new ServiceError(
          "InvalidStorageEndpointOrBlob",
          `no file of this upload is found: ${error.message}`,
        );
      },
    );
    // Of two requests at a time one has ended it.
    if (close())
      endpoint.fileNotifications.add({
        deviceId: device.deviceId,
        blobUri: blobUrl(storage, container, blobName),
        blobName,
        lastUpdatedTime: new Date(modified).toISOString(),
        blobSizeInBytes: size,
        enqueuedTimeUtc: new Date(now).toISOString(),
      });
  } else close();
  return new Response(null, { status: 204 });
}

function storageOf(files: FileContext, hub: string): FileStorage {
  const found = files.storageOf(hub);
  if (!found)
    throw new ServiceError(
      "DefaultStorageEndpointNotConfigured",
      `the configuration has no storage for ${hub}; give it connectionString and containerName there`,
    );
  return found;
}
