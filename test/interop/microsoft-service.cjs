// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process.
/**
 * Microsoft's service SDKs, driven from outside: a line of JSON on standard input is a call (object, method, arguments),
 * a line on standard output what came of it. `as` keeps what a call returned, so that a query or a twin can be called.
 */
const { createInterface } = require("node:readline");
const { Client, DigitalTwinClient, JobClient, Registry } = require("azure-iothub");
const { ProvisioningServiceClient } = require("azure-iot-provisioning-service");

const classes = { Client, DigitalTwinClient, JobClient, Registry, ProvisioningServiceClient };
const kept = new Map();

/** What the SDK hands back beside the HTTP response. */
function plain(value) {
  if (typeof value !== "object" || value === null) return value;
  for (const member of ["responseBody", "result", "jobStatus"])
    if (member in value) return plain(value[member]);
  const seen = new Set();
  return JSON.parse(
    JSON.stringify(value, (key, member) => {
      if (["response", "message", "httpResponse", "_registry", "_response"].includes(key)) return undefined;
      if (typeof member === "object" && member !== null) {
        if (seen.has(member)) return undefined;
        seen.add(member);
      }
      return member;
    }) ?? "null",
  );
}

/** The public methods of a class. */
function methodsOf(name) {
  const { prototype } = classes[name];
  const own = Object.getOwnPropertyNames(prototype).filter((method) => !/^_|^constructor$/.test(method));
  return ["fromConnectionString", ...own].sort();
}

async function call({ object, method, args, as }) {
  if (method === "methods of the class") return methodsOf(object);
  const target = classes[object] ?? kept.get(object);
  const value = await new Promise((resolve, reject) => {
    // Without a callback these SDKs lose answers of DPS, and the place in a query.
    const last = args.at(-1);
    const given =
      last === "callback"
        ? [...args.slice(0, -1), (error, result) => (error ? reject(error) : resolve(result))]
        : args;
    const dates = given.map((one) => (typeof one === "object" && one?.date ? new Date(one.date) : one));
    const returned = target[method](...dates);
    if (last !== "callback") Promise.resolve(returned).then(resolve, reject);
  });
  if (as) kept.set(as, value?.responseBody ?? value);
  return as && !value?.responseBody ? null : plain(value);
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const request = JSON.parse(line);
  const answer = await call(request).then(
    (result) => ({ result: result ?? null }),
    (error) => ({
      error: {
        name: error.constructor.name,
        message: error.message,
        status: error.response?.statusCode,
        body: error.responseBody,
      },
    }),
  );
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`);
});
