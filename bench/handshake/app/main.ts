// SPDX-License-Identifier: MIT
/**
 * Measures one after the other, says each figure in a line `bench {json}`, and ends. The servers are in `preference`,
 * domain "bench", as ../run.ts writes them.
 */
import { mbedtlsVersion } from "bench_natives";
import Preference from "preference";
import { type Client, clientFor, type Server } from "./clients";
import { memory, time } from "./handshakes";
import { hmacTimes, median } from "./hmac";

declare const screen: { postMessage(message: string): void } | undefined;

/** Kinds of keys of the servers. */
const KINDS = ["rsa", "ec"] as const;

interface Series {
  readonly name: string;
  readonly server: Server;
  readonly client: Client;
  readonly times: number[];
}

function serverOf(kind: string): Server {
  const get = (key: string): unknown => Preference.get("bench", key);
  return {
    name: String(get(`${kind}Name`)),
    port: Number(get(`${kind}Port`)),
    root: get(`${kind}Root`) as ArrayBuffer,
  };
}

function say(figure: object): void {
  trace(`bench ${JSON.stringify(figure)}\n`);
}

const rounds = Number(Preference.get("bench", "rounds"));

function seriesOf(kind: string): Series[] {
  const server = serverOf(kind);
  return [
    { name: `${kind} full`, server, client: clientFor(server.root, 0), times: [] },
    { name: `${kind} resumed`, server, client: clientFor(server.root, 1), times: [] },
  ];
}

/** Calls `work` for each, the next once the one before is done. */
function each<T>(items: readonly T[], work: (item: T, next: () => void) => void, done: () => void): void {
  const [first, ...rest] = items;
  if (first === undefined) done();
  else work(first, () => each(rest, work, done));
}

/** All series in turn; the first time of each warms up, and makes the session that is resumed. */
function handshakes(series: readonly Series[], left: number, done: () => void): void {
  if (left === 0) {
    for (const { name, times } of series) say({ name, microseconds: median(times.slice(1)) });
    done();
    return;
  }
  const one = ({ client, server, times }: Series, next: () => void): void => {
    time(client, server, (microseconds) => {
      times.push(microseconds);
      next();
    });
  };
  each(series, one, () => handshakes(series, left - 1, done));
}

function memories(series: readonly Series[], done: () => void): void {
  const one = ({ name, client, server }: Series, next: () => void): void => {
    memory(client, server, (bytes) => {
      say({ name, ...bytes });
      next();
    });
  };
  each(series, one, done);
}

say({ name: "mbedTLS", version: mbedtlsVersion() });
say({ name: "hmac", ...hmacTimes() });
each(
  KINDS,
  (kind, next) => {
    const series = seriesOf(kind);
    handshakes(series, rounds + 1, () => memories(series, next));
  },
  () => screen?.postMessage("exit 0"),
);
