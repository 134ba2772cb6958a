// SPDX-License-Identifier: MIT
/** The Moddable SDK's ECMA-419 MQTT client, as far as it is used here, and its operations packet by packet. */
import {
  ANSWER_SIZE,
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
} from "../../packets";
import type { PreparedOperations } from "../measure";
import { FakeDns, FakeSocket, ROOM } from "./sockets";
import Timer from "./timer";

interface MqttClient {
  close(): void;
  read(target: Uint8Array): number;
  write(data: Uint8Array | null, options: object): number;
}

export type MqttClientClass = new (options: object) => MqttClient;

/** Of the client's statics, which stand for the types of packets. */
const Operation = Object.freeze({ PUBACK: 4, SUBSCRIBE: 8, UNSUBSCRIBE: 10, PINGREQ: 12, DISCONNECT: 14 });

const OPTIONS = Object.freeze({
  host: "contoso.azure-devices.net",
  id: CLIENT_ID,
  user: USER,
  password: PASSWORD,
  clean: true,
  keepAlive: 60_000,
  dns: { io: FakeDns },
  socket: { io: FakeSocket },
});

/** A client whose server has said CONNACK. */
class Connection {
  readonly client: MqttClient;
  readonly socket: FakeSocket;
  /** Tells the client that so many bytes can be read. */
  readonly deliver: (count: number) => void;
  /** The application's; the client lets it bring its own. */
  readonly #target = new Uint8Array(ANSWER_SIZE);

  constructor(Client: MqttClientClass) {
    this.client = new Client({
      ...OPTIONS,
      onControl() {},
      onReadable: () => this.client.read(this.#target),
    });
    this.socket = FakeSocket.last as FakeSocket;
    this.deliver = this.socket.options.onReadable;
    this.socket.options.onWritable(ROOM);
    this.receive(bytesOf("CONNACK"));
  }

  receive(bytes: Uint8Array): void {
    this.socket.put(bytes);
    this.deliver(bytes.length);
  }
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(FROM_SERVER[name] as readonly number[]);
}

/** Names as in ours.ts and mqtt-packet.ts. An encoding ends when the socket has been handed the bytes. */
export function packetOperations(Client: MqttClientClass): PreparedOperations {
  const { client, socket, deliver } = new Connection(Client);
  const writing = (data: Uint8Array | null, options: object) => (): void => {
    client.write(data, options);
  };
  const made: Record<string, PreparedOperations[string]> = {
    "encode CONNECT, 120-character user, 180-character password": connecting(Client),
    "encode SUBSCRIBE": writing(null, SUBSCRIBE),
    "encode PUBLISH QoS 1, registration": writing(REGISTRATION, REGISTER),
    "encode PUBLISH QoS 1, 42-character topic, 40 bytes": writing(PAYLOAD, TELEMETRY),
    "encode PUBACK": writing(null, { operation: Operation.PUBACK, id: 7 }),
    "encode UNSUBSCRIBE": writing(null, { ...SUBSCRIBE, operation: Operation.UNSUBSCRIBE }),
    "encode PINGREQ": writing(null, { operation: Operation.PINGREQ }),
    "encode DISCONNECT": writing(null, { operation: Operation.DISCONNECT }),
  };
  for (const name of Object.keys(FROM_SERVER)) {
    const bytes = bytesOf(name);
    const count = bytes.length;
    made[`decode ${name}`] = {
      prepare() {
        // The PUBACK of the time before.
        Timer.fire();
        socket.put(bytes);
      },
      run: () => deliver(count),
    };
  }
  return made;
}

const REGISTRATION = new TextEncoder().encode(REGISTER_BODY);
const PAYLOAD = new Uint8Array(TELEMETRY_SIZE);
// Without an id the client counts one up, which is what an application does that has no need of it.
const REGISTER = Object.freeze({ topic: REGISTER_TOPIC, QoS: 1 });
const TELEMETRY = Object.freeze({ topic: TELEMETRY_TOPIC, QoS: 1 });
const SUBSCRIBE = Object.freeze({
  operation: Operation.SUBSCRIBE,
  id: 1,
  items: [{ topic: DPS_FILTER, QoS: 1 }],
});

function connecting(Client: MqttClientClass): PreparedOperations[string] {
  return {
    prepare: () => {
      new Client(OPTIONS);
    },
    run: () => FakeSocket.last?.options.onWritable(ROOM),
  };
}

/** Names as in session.ts. */
export function steps(Client: MqttClientClass): PreparedOperations {
  const { client, socket, deliver } = new Connection(Client);
  const puback = bytesOf("PUBACK");
  const receiving = (bytes: Uint8Array, run = (): void => deliver(bytes.length)) => ({
    prepare: () => socket.put(bytes),
    run,
  });
  const publish = (): void => {
    client.write(PAYLOAD, TELEMETRY);
  };
  const answer = bytesOf("PUBLISH QoS 1, 91-character topic, 400 bytes");
  let closing: MqttClient;
  return {
    [Step.OPEN]: () => {
      new Client(OPTIONS);
      FakeSocket.last?.options.onWritable(ROOM);
    },
    [Step.CONNECT]: connecting(Client),
    [Step.CONNACK]: receiving(bytesOf("CONNACK")),
    [Step.SUBSCRIBE]: () => {
      client.write(null, SUBSCRIBE);
    },
    [Step.SUBACK]: receiving(bytesOf("SUBACK")),
    [Step.REGISTER]: () => {
      client.write(REGISTRATION, REGISTER);
    },
    [Step.PUBACK]: receiving(puback),
    [Step.ANSWER]: receiving(answer, () => {
      deliver(answer.length);
      Timer.fire();
    }),
    [Step.TELEMETRY]: publish,
    [Step.CYCLE]: receiving(puback, () => {
      publish();
      deliver(puback.length);
    }),
    [Step.CLOSE]: {
      prepare() {
        closing = new Connection(Client).client;
      },
      run() {
        closing.write(null, { operation: Operation.DISCONNECT });
        closing.close();
      },
    },
  };
}
