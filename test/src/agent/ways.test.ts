// SPDX-License-Identifier: MIT
/** What the agent tells whoever chooses the way, and what it takes from there. */
import { expect, test } from "@jest/globals";
import type { TransportOptions } from "../../../src/host";
import { type Behaviour, VirtualAzure } from "../../../simulator/virtual-azure";
import { VirtualTime } from "../../../simulator/virtual-host";
import { DPS, HUB, IDENTITY, world } from "../../helpers/agent-world";

const HOUR = 3_600_000;

/** DPS names the hub at once. */
const dps: Behaviour = (connection, packet) => {
  if (packet.cmd === "connect") connection.connack();
  if (packet.cmd === "subscribe") {
    connection.send({ cmd: "suback", messageId: packet.messageId as number, granted: [1] });
  }
  if (packet.cmd === "publish") {
    connection.send({ cmd: "puback", messageId: packet.messageId as number });
    const rid = /rid=(\w+)/.exec(packet.topic)?.[1];
    const state = { assignedHub: HUB, deviceId: IDENTITY.registrationId };
    connection.publish(
      `$dps/registrations/res/200/?$rid=${rid}`,
      JSON.stringify({ operationId: "1", status: "assigned", registrationState: state }),
    );
  }
};
const hub: Behaviour = (connection, packet) => {
  if (packet.cmd === "connect") connection.connack();
  if (packet.cmd === "pingreq") connection.send({ cmd: "pingresp" });
};

function watched(behaviours: Record<string, Behaviour>): {
  told: string[];
  opened: string[];
  begin: () => ReturnType<typeof world>;
} {
  const time = new VirtualTime();
  const azure = new VirtualAzure(time);
  for (const [name, behaviour] of Object.entries(behaviours)) azure.servers.set(name, behaviour);
  const told: string[] = [];
  const opened: string[] = [];
  const inner = azure.binding();
  const Inner = inner.io as new (options: TransportOptions) => object;
  const io = class extends Inner {
    constructor(options: TransportOptions & { way?: string }) {
      super(options);
      opened.push(`${options.way} ${options.host}:${options.port}`);
    }
  } as never;
  let count = 0;
  return {
    told,
    opened,
    begin: () =>
      world({
        time,
        azure,
        options: {
          transports: () => ({
            next() {
              count += 1;
              const way = {
                name: `way ${count}`,
                port: 1000 + count,
                transport: { io, way: `way ${count}` },
              };
              return count === 2 ? { ...way, connectTimeout: 10_000 } : way;
            },
            worked: () => told.push("worked"),
            failed: (code) => told.push(code),
          }),
        },
      }),
  };
}

test("each connection has its own, and what answers has worked", () => {
  const { told, opened, begin } = watched({ [DPS]: dps, [HUB]: hub });
  const { agent, time, log } = begin();
  agent.start();
  time.advance(10_000);
  expect(log).toContain(`connected ${HUB} dps`);
  expect(opened).toEqual([`way 1 ${DPS}:1001`, `way 2 ${HUB}:1002`]);
  expect(new Set(told)).toEqual(new Set(["worked"]));
  // The planned reconnect asks anew.
  time.advance(HOUR);
  expect(opened).toHaveLength(3);
});

test("a refusal is an answer", () => {
  const { told, begin } = watched({
    [DPS]: (connection, packet) => {
      if (packet.cmd === "connect") connection.connack(5);
    },
  });
  const { agent, time, errors } = begin();
  agent.start();
  time.advance(1_000);
  expect(errors.map(({ error }) => error.code)).toEqual(["connack-not-authorized"]);
  expect(told).toEqual(["worked"]);
});

test.each([
  ["HTTP/1.1 400 Bad Request\r\n\r\n", "malformed-packet"],
  // PINGRESP, and the first half of a CONNACK.
  ["\xd0\x00", "protocol-violation"],
  ["\x20\x02", "connack-timeout"],
])("what speaks no MQTT has not answered: %j", (bytes, code) => {
  const { told, begin } = watched({
    [DPS]: (connection, packet) => {
      if (packet.cmd === "connect") connection.deliver(Buffer.from(bytes, "latin1"));
    },
  });
  const { agent, time } = begin();
  agent.start();
  const started = agent.heardAt;
  time.advance(code === "connack-timeout" ? 31_000 : 100);
  expect(told).toEqual([code]);
  expect(agent.heardAt).toBe(started);
});

test("silence and what cannot be reached are told by their code, within the time that the way has", () => {
  const { told, opened, begin } = watched({ [DPS]: () => {} });
  const { agent, time, azure } = begin();
  azure.refuse = "connect-failed";
  agent.start();
  time.advance(100);
  expect(told).toEqual(["connect-failed"]);
  azure.refuse = undefined;
  time.advance(60_000);
  expect(told.slice(0, 2)).toEqual(["connect-failed", "connack-timeout"]);
  expect(opened[1]).toBe(`way 2 ${DPS}:1002`);
});

test("the application is told by which", () => {
  const { begin } = watched({ [DPS]: dps, [HUB]: hub });
  const { agent, time, handler } = begin();
  const transports: unknown[] = [];
  const before = handler.onConnected;
  Object.assign(handler, {
    onConnected(report: never) {
      transports.push((report as { transport?: string }).transport);
      before?.(report);
    },
  });
  agent.start();
  time.advance(10_000);
  expect(transports).toEqual(["way 2"]);
});
