// SPDX-License-Identifier: MIT
/**
 * `/jobs/v2`: a twin update or a method for many devices, at a time. Jobs are kept in memory.
 * Source: "Schedule jobs on multiple devices", and "Jobs" of the IoT Hub REST reference.
 */
import * as v from "valibot";
import { choice, maybe, object, text, whole } from "../../shapes";
import type { DeviceRecord } from "../../records";
import { type Api, pageResponse } from "../api";
import { ServiceError } from "../service-error";
import { twinEtag } from "./documents";
import { checkIfMatch } from "../etag";
import { deviceOf, type HubContext } from "./hub-context";
import { invoke, METHOD } from "./methods";
import { lookupOf } from "./query";
import { parseCondition } from "./query-language";
import { TWIN_PATCH, writeTwin } from "./twins";

/** Jobs that are remembered, of all hubs; finished ones go first. */
const MAXIMUM_JOBS = 1000;
/** Devices that a job is at work on at one time. */
const AT_ONCE = 100;
const DAY = 86_400;

const JOB = object(
  {
    jobId: maybe(text(256)),
    type: choice(["scheduleUpdateTwin", "scheduleDeviceMethod"]),
    queryCondition: maybe(text(4096)),
    startTime: maybe(v.pipe(text(64), v.isoTimestamp("must be a time in ISO 8601, in UTC"))),
    maxExecutionTimeInSeconds: maybe(whole(1, 2 * DAY)),
    updateTwin: maybe(object({ etag: maybe(text(128)), ...TWIN_PATCH }, "all")),
    cloudToDeviceMethod: maybe(METHOD),
  },
  "all",
);
type JobBody = v.InferOutput<typeof JOB>;

interface Job {
  hub: string;
  jobId: string;
  body: JobBody;
  status: "scheduled" | "running" | "completed" | "failed" | "cancelled";
  /** Milliseconds since 1970. */
  created: number;
  started: number;
  ended?: number;
  devices: number;
  succeeded: number;
  failed: number;
  /** Before it has begun. */
  cancelStart: () => void;
}

/** Adds the routes. */
export function jobRoutes(api: Api, context: HubContext): void {
  const jobs = new Map<string, Job>();
  const jobOf = (hub: string, jobId: string): Job => {
    const job = jobs.get(`${hub}/${jobId}`);
    if (!job) throw new ServiceError("JobNotFound", "there is no such job");
    return job;
  };

  api.on("GET", "/jobs/v2/query", "ServiceConnect", (call) => {
    const [type, status] = [call.query("jobType"), call.query("jobStatus")];
    const found = [...jobs.values()].filter(
      (job) =>
        job.hub === call.host &&
        (type ?? job.body.type) === job.body.type &&
        (status ?? job.status) === job.status,
    );
    const { items, next } = call.page(found, ({ jobId }) => jobId);
    return pageResponse(items.map(document), next, "jobResponse");
  });
  api.on("GET", "/jobs/v2/:id", "ServiceConnect", (call) =>
    Response.json(document(jobOf(call.host, call.param("id")))),
  );
  api.on("PUT", "/jobs/v2/:id", "ServiceConnect", async (call) => {
    const { host: hub } = call;
    const jobId = call.param("id");
    const body = await call.body(JOB);
    const needed = body.type === "scheduleUpdateTwin" ? body.updateTwin : body.cloudToDeviceMethod;
    if (!needed) throw new ServiceError("ArgumentInvalid", `the body has nothing for the type ${body.type}`);
    // What cannot be read is told now, not when the job starts.
    const where = body.queryCondition ? parseCondition(body.queryCondition) : () => true;
    if (jobs.has(`${hub}/${jobId}`))
      throw new ServiceError("JobAlreadyExists", "a job of this id is there already");
    makeRoom(jobs);
    const now = context.now();
    const started = body.startTime === undefined ? now : Math.max(now, Date.parse(body.startTime));
    const job: Job = {
      hub,
      jobId,
      body,
      status: "scheduled",
      created: now,
      started,
      devices: 0,
      succeeded: 0,
      failed: 0,
      cancelStart: () => {},
    };
    jobs.set(`${hub}/${jobId}`, job);
    job.cancelStart = context.at(() => {
      const devices = [...context.devices.all(hub)].filter((device) => where(lookupOf(context, hub, device)));
      run(context, job, devices).catch((error: Error) => {
        job.status = "failed";
        context.onProblem(error);
      });
    }, started);
    return Response.json(document(job));
  });
  api.on("POST", "/jobs/v2/:id/cancel", "ServiceConnect", (call) => {
    const job = jobOf(call.host, call.param("id"));
    if (job.status === "scheduled" || job.status === "running") {
      job.cancelStart();
      job.status = "cancelled";
      job.ended = context.now();
    }
    return Response.json(document(job));
  });
}

function makeRoom(jobs: Map<string, Job>): void {
  if (jobs.size < MAXIMUM_JOBS) return;
  const [done] = [...jobs].find(([, { ended }]) => ended !== undefined) ?? [];
  if (done === undefined)
    throw new ServiceError("Forbidden", `${MAXIMUM_JOBS} jobs are under way; cancel one`);
  jobs.delete(done);
}

async function run(context: HubContext, job: Job, devices: readonly DeviceRecord[]): Promise<void> {
  job.status = "running";
  job.devices = devices.length;
  const end = job.started + (job.body.maxExecutionTimeInSeconds ?? 3600) * 1000;
  for (let at = 0; at < devices.length && isRunning(job) && context.now() < end; at += AT_ONCE) {
    const part = devices.slice(at, at + AT_ONCE);
    await Promise.all(
      part.map(({ deviceId }) =>
        apply(context, job, deviceId).then(
          () => job.succeeded++,
          () => job.failed++,
        ),
      ),
    );
  }
  if (!isRunning(job)) return;
  job.status = job.succeeded === job.devices ? "completed" : "failed";
  job.ended = context.now();
}

function isRunning({ status }: Job): boolean {
  return status === "running";
}

async function apply(context: HubContext, { hub, body }: Job, deviceId: string): Promise<void> {
  if (body.type === "scheduleDeviceMethod") {
    await invoke(context, hub, deviceId, body.cloudToDeviceMethod!);
    return;
  }
  const { etag, ...patch } = body.updateTwin!;
  const device = deviceOf(context, hub, deviceId);
  checkIfMatch(etag, twinEtag(device));
  await writeTwin(context, hub, device, patch);
}

function document({ jobId, body, status, created, started, ended, devices, succeeded, failed }: Job): object {
  const time = (at: number) => new Date(at).toISOString();
  return {
    ...body,
    jobId,
    createdTime: time(created),
    startTime: time(started),
    ...(ended === undefined ? {} : { endTime: time(ended) }),
    status,
    ...(status === "failed" ? { failureReason: `${failed} of ${devices} devices failed` } : {}),
    deviceJobStatistics: {
      deviceCount: devices,
      failedCount: failed,
      succeededCount: succeeded,
      runningCount: status === "running" ? devices - failed - succeeded : 0,
      pendingCount: 0,
    },
  };
}
