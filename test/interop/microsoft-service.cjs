// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process.
/**
 * Microsoft's SDKs for services, and those for devices over HTTPS, driven from outside: a line of JSON on standard input is a call (object, method, arguments),
 * a line on standard output what came of it. `as` keeps what a call returned, so that a query or a twin can be called.
 * What arrives by itself is asked for: `next message` of a receiver, `next event` of a subscription.
 */
const { createInterface } = require("node:readline");
const { EventEmitter, on } = require("node:events");
const { PassThrough } = require("node:stream");
const { EventHubConsumerClient } = require("@azure/event-hubs");
const { Amqp, AmqpWs, Client, DigitalTwinClient, JobClient, Registry } = require("azure-iothub");
const { Message, NoRetry } = require("azure-iot-common");
const { ProvisioningServiceClient } = require("azure-iot-provisioning-service");

const classes = { Client, DigitalTwinClient, EventHubConsumerClient, JobClient, Registry };
Object.assign(classes, { ProvisioningServiceClient, Amqp, AmqpWs, NoRetry });
/** Those for devices, which not every test takes the time for. */
const later = {
  BlobServiceClient: () => require("@azure/storage-blob").BlobServiceClient,
  DeviceClient: () => require("azure-iot-device").Client,
  DeviceHttp: () => require("azure-iot-device-http").Http,
  ProvisioningDeviceClient: () => require("azure-iot-provisioning-device").ProvisioningDeviceClient,
  ProvisioningHttp: () => require("azure-iot-provisioning-device-http").Http,
  SymmetricKeyRegistration: () =>
    require("azure-iot-provisioning-device/dist/symmetric_registration").SymmetricKeyRegistration,
  SymmetricKeySecurityClient: () => require("azure-iot-security-symmetric-key").SymmetricKeySecurityClient,
  X509Registration: () => require("azure-iot-provisioning-device/dist/x509_registration").X509Registration,
  X509Security: () => require("azure-iot-security-x509").X509Security,
};
const classOf = (name) => classes[name] ?? later[name]?.();
const kept = new Map();
/** What has come to an object and was not asked for yet. */
const arrived = new Map();

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
  const own = new Set(classOf(name).fromConnectionString ? ["fromConnectionString"] : []);
  let { prototype } = classOf(name);
  for (
    ;
    ![EventEmitter.prototype, Object.prototype].includes(prototype);
    prototype = Object.getPrototypeOf(prototype)
  )
    for (const [method, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (value && !/^_|^constructor$/.test(method)) own.add(method);
  return [...own].sort();
}

/** Begins to collect what an object emits. */
function collect(name, emitter, event) {
  arrived.set(name, on(emitter, event));
}

/** A message, without what belongs to its transport. */
function messageOf({ data, messageId, contentType, transportObj, properties, correlationId }) {
  if (!transportObj)
    return { body: String(data), messageId, correlationId, properties: properties.propertyList };
  const { message_annotations, user_id } = transportObj;
  return {
    body: JSON.parse(String(data)),
    messageId,
    contentType,
    userId: String(user_id),
    message_annotations,
  };
}

/** A subscription from one position on; what comes of it is asked for by `next event`. */
function subscribe(client, name, partition, options) {
  const events = new EventEmitter();
  collect(name, events, "event");
  const handlers = {
    processEvents: async (list, { partitionId, lastEnqueuedEventProperties: last }) => {
      for (const event of list)
        events.emit("event", { ...event, body: String(event.body), partitionId, ...(last && { last }) });
    },
    processError: async ({ name: error, code, message }) => events.emit("event", { error, code, message }),
  };
  const given = { skipParsingBodyAsJson: true, maxWaitTimeInSeconds: 1, ...options };
  return partition === null
    ? client.subscribe(handlers, given)
    : client.subscribe(partition, handlers, given);
}

/** An argument that is a class, an object of one, a message, or what was kept. */
function argumentOf(value) {
  if (typeof value !== "object" || value === null) return value;
  if (value.date) return new Date(value.date);
  if (value.kept) return kept.get(value.kept);
  if (value.class) return classOf(value.class);
  if (value.made) return new (classOf(value.made))(...(value.of ?? []));
  if (value.stream !== undefined) return new PassThrough().end(value.stream);
  if (Array.isArray(value)) return value.map(argumentOf);
  if (!value.message) return value;
  const { body, properties = {}, expiryTimeUtc, ...rest } = value.message;
  const message = Object.assign(new Message(body), rest);
  if (expiryTimeUtc) message.expiryTimeUtc = expiryTimeUtc;
  for (const [key, text] of Object.entries(properties)) message.properties.add(key, text);
  return message;
}

async function call({ object, method, args, as }) {
  if (method === "methods of the class") return methodsOf(object);
  const target = classOf(object) ?? kept.get(object);
  if (method === "put") {
    const headers = { "x-ms-blob-type": "BlockBlob" };
    return (await fetch(args[0], { method: "PUT", headers, body: args[1] })).status;
  }
  if (method === "new") return void kept.set(as, new target(...args));
  if (method === "subscribe") return void kept.set(as, subscribe(target, as, ...args));
  if (method === "next event") return plain((await arrived.get(object).next()).value[0]);
  if (method === "next message") {
    const { value } = await arrived.get(object).next();
    kept.set(args[0], value[0]);
    return messageOf(value[0]);
  }
  const value = await new Promise((resolve, reject) => {
    // Without a callback these SDKs lose answers of DPS, and the place in a query.
    const last = args.at(-1);
    const given =
      last === "callback"
        ? [...args.slice(0, -1), (error, result) => (error ? reject(error) : resolve(result))]
        : args;
    const returned = target[method](...given.map(argumentOf));
    if (last !== "callback") Promise.resolve(returned).then(resolve, reject);
  });
  if (as) kept.set(as, value?.responseBody ?? value);
  if (as && typeof value?.abandon === "function") collect(as, value, "message");
  return as && !value?.responseBody ? null : plain(value);
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const request = JSON.parse(line);
  const answer = await call(request).then(
    (result) => ({ result: result ?? null }),
    (error) => ({
      error: {
        name: error.name === "MessagingError" ? error.code : error.constructor.name,
        message: error.message,
        status: error.response?.statusCode,
        body: error.responseBody,
        reason: error.amqpError?.condition ?? error.amqpError?.name,
      },
    }),
  );
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`);
});
