// SPDX-License-Identifier: MIT
/** Our client, `Session`, step by step on a transport that does nothing, inside XS. */
import type { Ask, XsTools } from "../../hosts/xs/inside/globals";
import { nativeText } from "../../hosts/xs/inside/text";
import { Session, type SessionHandler, type SessionHost } from "../../src/mqtt/session";
import {
  CLIENT_ID,
  DPS_FILTER,
  FROM_SERVER,
  PASSWORD,
  REGISTER_BODY,
  REGISTER_TOPIC,
  Step,
  TELEMETRY_SIZE,
  TELEMETRY_TOPIC,
  USER,
} from "../packets";
import { IdleTransport, idleHost, ROOM, standIns } from "./idle-host";
import { measure, type PreparedOperations } from "./measure";

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  const costs = measure(tools, steps(), standIns());
  if (failure) throw failure;
  return new TextEncoder().encode(JSON.stringify(costs));
}

/** A session ends by it quietly; what was measured then counts for nothing. */
let failure: Error | undefined;

const HANDLER: SessionHandler = {
  onConnected() {},
  onMessage() {},
  onOversize() {},
  onAcknowledged() {},
  onSubscribed() {},
  onWritable() {},
  onError(error) {
    failure ??= error;
  },
};

const OPTIONS = {
  host: "contoso.azure-devices.net",
  id: CLIENT_ID,
  user: USER,
  password: PASSWORD,
  inputSize: 1024,
};

/** A session whose server has said CONNACK. */
class Connection {
  readonly session: Session;
  readonly transport: IdleTransport;
  readonly deliver: (count: number) => void;

  constructor(host: SessionHost) {
    this.session = new Session(host, HANDLER, OPTIONS);
    this.transport = IdleTransport.last as IdleTransport;
    this.deliver = this.transport.options.onReadable;
    this.transport.options.onWritable(ROOM);
    this.receive(bytesOf("CONNACK"));
  }

  receive(bytes: Uint8Array<ArrayBuffer>): void {
    this.transport.put(bytes);
    this.deliver(bytes.length);
  }
}

function bytesOf(name: string, id?: number): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(FROM_SERVER[name] as readonly number[]);
  if (id !== undefined) {
    bytes[2] = id >> 8;
    bytes[3] = id;
  }
  return bytes;
}

function steps(): PreparedOperations {
  const text = nativeText();
  const host = idleHost(text);
  const open = (): void => {
    new Session(host, HANDLER, OPTIONS);
  };
  const connect = (): void => IdleTransport.last?.options.onWritable(ROOM);
  const connection = new Connection(host);
  const { session, transport, deliver } = connection;
  const filters = [DPS_FILTER];
  const registration = { topic: REGISTER_TOPIC, payload: text.encode(REGISTER_BODY) };
  const telemetry = { topic: TELEMETRY_TOPIC, payload: new Uint8Array(TELEMETRY_SIZE) };
  const answer = bytesOf("PUBLISH QoS 1, 91-character topic, 400 bytes");
  let closing: Session;
  /** Each time the answer to the one before comes first. */
  const sending = (name: string, send: () => number): PreparedOperations[string] => {
    let sent = 0;
    return {
      prepare() {
        if (sent > 0) connection.receive(bytesOf(name, sent));
      },
      run() {
        sent = send();
      },
    };
  };
  return {
    [Step.OPEN]: () => {
      open();
      connect();
    },
    [Step.CONNECT]: { prepare: open, run: connect },
    [Step.CONNACK]: {
      prepare() {
        open();
        connect();
        IdleTransport.last?.put(bytesOf("CONNACK"));
      },
      run: () => IdleTransport.last?.options.onReadable(4),
    },
    [Step.SUBSCRIBE]: sending("SUBACK", () => session.subscribe(filters)),
    [Step.SUBACK]: {
      prepare: () => transport.put(bytesOf("SUBACK", session.subscribe(filters))),
      run: () => deliver(5),
    },
    [Step.REGISTER]: sending("PUBACK", () => session.publish(registration)),
    [Step.PUBACK]: {
      prepare: () => transport.put(bytesOf("PUBACK", session.publish(telemetry))),
      run: () => deliver(4),
    },
    [Step.ANSWER]: { prepare: () => transport.put(answer), run: () => deliver(answer.length) },
    [Step.TELEMETRY]: sending("PUBACK", () => session.publish(telemetry)),
    [Step.CYCLE]: {
      prepare() {
        // Packet identifiers count up.
        const id = session.publish(telemetry);
        connection.receive(bytesOf("PUBACK", id));
        transport.put(bytesOf("PUBACK", id + 1));
      },
      run() {
        session.publish(telemetry);
        deliver(4);
      },
    },
    [Step.CLOSE]: {
      prepare() {
        closing = new Connection(host).session;
      },
      run: () => closing.close(),
    },
  };
}
