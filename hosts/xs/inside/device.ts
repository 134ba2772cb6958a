// SPDX-License-Identifier: MIT
/** A device inside XS: the agent of `src/`, unchanged, driven by deliveries from Node. */
import { Agent, type AgentHandler, type AgentOptions } from "../../../src/agent/agent";
import { asBerthError, BerthError } from "../../../src/error";
import {
  type Call,
  type Delivery,
  type DeviceStatus,
  decodeError,
  decodeMessage,
  encodeError,
  encodeMessage,
  type Features,
} from "../wire";
import { type Ask, ask, createXsHost, DeliveredClock, RemoteTimers, Transports } from "./host";

/** @returns what takes the deliveries, and answers each with the status of the device */
export default function main(send: Ask): (message: Uint8Array) => Uint8Array {
  const device = new Device(send);
  return (message) => encodeMessage(device.take(message));
}

class Device {
  readonly #send: Ask;
  readonly #clock = new DeliveredClock();
  readonly #timers: RemoteTimers;
  readonly #transports: Transports;
  #agent: Agent | undefined;

  constructor(send: Ask) {
    this.#send = send;
    this.#timers = new RemoteTimers(send);
    this.#transports = new Transports(send);
  }

  take(message: Uint8Array): DeviceStatus {
    try {
      const { header, bytes } = decodeMessage<Delivery>(message);
      this.#clock.set(header.now, header.ticks);
      this.#act(header, bytes);
      return this.#status;
    } catch (error) {
      return { ...this.#status, error: encodeError(asBerthError(error)) };
    }
  }

  #act(delivery: Delivery, bytes: Uint8Array): void {
    switch (delivery.type) {
      case "create":
        this.#agent = this.#create(delivery.options, delivery.features);
        break;
      case "start":
        this.#theAgent.start();
        break;
      case "stop":
        this.#theAgent.stop();
        break;
      case "reprovision":
        this.#theAgent.reprovision();
        break;
      case "forget":
        this.#theAgent.forget();
        break;
      case "send":
        this.#theAgent.send(bytes.slice(), delivery.properties);
        break;
      case "timer":
        this.#timers.fire(delivery.timer);
        break;
      case "readable":
        this.#transports.get(delivery.transport)?.onReadable(delivery.count);
        break;
      case "writable":
        this.#transports.get(delivery.transport)?.onWritable(delivery.count);
        break;
      case "failed":
        this.#transports.get(delivery.transport)?.onError(decodeError(delivery.error));
        break;
    }
  }

  get #status(): DeviceStatus {
    return { pending: this.#agent?.pending ?? 0, assignment: this.#agent?.assignment };
  }

  get #theAgent(): Agent {
    if (!this.#agent) throw new BerthError("closed", "the device was not created");
    return this.#agent;
  }

  #create(options: AgentOptions, features: Features): Agent {
    const tell = (call: Call, bytes?: Uint8Array): void => {
      ask(this.#send, call, bytes);
    };
    const handler: AgentHandler = {
      onState: (state) => tell({ call: "state", state }),
      onAssigned: (report) => tell({ call: "assigned", report }),
      onConnected: (report) => tell({ call: "connected", report }),
      onAcknowledged: ({ payload, bag }, count) => tell({ call: "acknowledged", bag, count }, payload),
      onRoom: () => tell({ call: "room" }),
      onError: ({ phase, error, retryIn }) =>
        tell({ call: "error", phase, error: encodeError(error), retryIn }),
      ...(features.cloudToDevice && {
        onCloudToDevice: ({ properties, payload, offset, byteLength }) =>
          tell(
            { call: "cloudToDevice", properties: Object.entries(properties), offset, byteLength },
            payload,
          ),
      }),
    };
    const host = createXsHost(this.#send, this.#clock, this.#timers, this.#transports, features);
    return new Agent(host, handler, options);
  }
}
