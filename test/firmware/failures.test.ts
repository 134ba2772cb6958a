// SPDX-License-Identifier: MIT
/**
 * A day of each failure, with the firmware's device, its watchdog and its flash: what it costs, and when the device is
 * back. The table in docs/errors.md is what is measured here; `BERTH_WRITE_DOCS=1 npm test -- test/firmware/failures`
 * renews it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { answerDps, assigningDps, type DpsRequestHandler, hub } from "../../simulator/services";
import type { Behaviour } from "../../simulator/virtual-azure";
import { DPS, HUB, HUB2 } from "../helpers/agent-world";
import { DAY, FailureRun, HOUR, MINUTE } from "../helpers/failure-days";

const SEEDS = [1, 2, 3, 4, 5];
const PAGE = new URL("../../docs/errors.md", import.meta.url);

/** DPS that answers each request so. */
function dpsAnswers(status: number, body: object, retryAfter?: number): Behaviour {
  const special: DpsRequestHandler = (connection, _, requestId) => {
    answerDps(connection, status, requestId, body, retryAfter);
    return true;
  };
  return assigningDps(HUB, "device-1", special);
}

/** DPS that takes requests and says nothing. */
const silentDps = assigningDps(HUB, "device-1", () => true);
/** A hub that ends each connection after so long. */
function dropping(run: FailureRun, after: number): Behaviour {
  return (connection, packet) => {
    hub()(connection, packet);
    if (packet.cmd === "connect") run.time.set(() => connection.fail(undefined), after);
  };
}

const refusingHub = hub(() => 5);
const assigning = { operationId: "4.endless", status: "assigning" };
const disabled = { operationId: "4.op", status: "disabled" };

interface Failure {
  readonly name: string;
  /** There is an assignment. */
  readonly known: boolean;
  readonly fail: (run: FailureRun) => void;
  /** At most, of a device in the first day; 50 where the issue is DPS. */
  readonly registrations: number;
  /** Restarts are no mistake: nothing answers. */
  readonly silent?: boolean;
  /** Seconds to the return after ten minutes of it, at most. */
  readonly back: number;
}

const FAILURES: readonly Failure[] = [
  {
    name: "the hub has no address, DPS works",
    known: true,
    fail: ({ azure }) => void azure.servers.delete(HUB),
    registrations: 12,
    silent: true,
    back: 60,
  },
  {
    name: "the hub takes connections and says nothing, DPS works",
    known: true,
    fail: ({ azure }) => void azure.servers.set(HUB, () => {}),
    registrations: 12,
    silent: true,
    back: 90,
  },
  {
    name: "CONNACK 3 of the hub, DPS works",
    known: true,
    fail: ({ azure }) =>
      void azure.servers.set(
        HUB,
        hub(() => 3),
      ),
    registrations: 12,
    back: 60,
  },
  {
    name: "DPS accepts, the hub refuses (CONNACK 5)",
    known: true,
    fail: ({ azure }) => void azure.servers.set(HUB, refusingHub),
    registrations: 40,
    back: 60,
  },
  {
    name: "the same, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(HUB, refusingHub),
    registrations: 40,
    back: 60,
  },
  {
    name: "the hub refuses (CONNACK 5), DPS answers 500",
    known: true,
    fail: ({ azure }) => {
      azure.servers.set(HUB, refusingHub);
      azure.servers.set(DPS, dpsAnswers(500, {}));
    },
    registrations: 50,
    back: 60,
  },
  {
    name: "the hub refuses (CONNACK 5), DPS answers 503 with `retry-after` 3600",
    known: true,
    fail: ({ azure }) => {
      azure.servers.set(HUB, refusingHub);
      azure.servers.set(DPS, dpsAnswers(503, {}, 3600));
    },
    registrations: 24,
    back: 60,
  },
  {
    name: "the hub refuses (CONNACK 5), the enrollment is disabled",
    known: true,
    fail: ({ azure }) => {
      azure.servers.set(HUB, refusingHub);
      azure.servers.set(DPS, dpsAnswers(200, disabled));
    },
    registrations: 50,
    back: 60,
  },
  {
    name: "SUBACK 0x80 of the hub",
    known: true,
    fail: ({ azure }) =>
      void azure.servers.set(HUB, (connection, packet) => {
        if (packet.cmd !== "subscribe") hub()(connection, packet);
        else connection.send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [128] });
      }),
    registrations: 12,
    // Only a person can mend it.
    back: 1_200,
  },
  {
    name: "another device with the same id ends each connection after 5 s",
    known: true,
    fail: (run) => void run.azure.servers.set(HUB, dropping(run, 5_000)),
    registrations: 0,
    // Only a person can mend it.
    back: 1_200,
  },
  {
    name: "no server can be reached, a hub is known",
    known: true,
    fail: ({ azure }) => {
      azure.refuse = "connect-failed";
    },
    registrations: 0,
    silent: true,
    back: 60,
  },
  {
    name: "no server can be reached, first start",
    known: false,
    fail: ({ azure }) => {
      azure.refuse = "connect-failed";
    },
    registrations: 0,
    silent: true,
    back: 360,
  },
  {
    name: "no network",
    known: true,
    fail: (run) => {
      run.networkIsUp = false;
    },
    registrations: 0,
    silent: true,
    back: 60,
  },
  {
    name: "DPS answers 500, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(500, { errorCode: 500000 })),
    registrations: 50,
    back: 600,
  },
  {
    name: "DPS answers 429, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(429, { errorCode: 429001 })),
    // Sent away: with seconds or minutes between for three hours or more.
    registrations: 160,
    back: 600,
  },
  {
    name: "DPS answers 429 with `retry-after` 5, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(429, { errorCode: 429001 }, 5)),
    // Sent away: with seconds or minutes between for three hours or more.
    registrations: 160,
    back: 900,
  },
  {
    name: "DPS says nothing to a registration, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, silentDps),
    registrations: 50,
    back: 600,
  },
  {
    name: "DPS never ends an assignment, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(202, assigning, 3)),
    registrations: 50,
    back: 60,
  },
  {
    name: "DPS answers 401, first start",
    known: false,
    fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(401, { errorCode: 401002 })),
    registrations: 50,
    // Only a person can mend it.
    back: 1_200,
  },
];

interface Row {
  readonly registrations: number;
  readonly connections: number;
  readonly assignment: number;
  readonly flash: number;
  readonly restarts: number;
  readonly soon: number;
  readonly late: number;
}

/** The worst of all seeds. */
function measured({ known, fail }: Failure): Row {
  const rows = SEEDS.map((seed): Row => {
    const short = new FailureRun({ seed, known, fail });
    short.time.advance(10 * MINUTE);
    short.heal();
    const soon = short.untilConnected(DAY);
    short.end();
    const day = new FailureRun({ seed, known, fail });
    day.time.advance(DAY);
    const { registrations, connections, restarts, store } = day;
    const assignment = store.changed("assignment", "retry");
    const flash = assignment + store.changed("lastError", "restarts");
    day.heal();
    const late = day.untilConnected(DAY);
    day.end();
    return { registrations, connections, restarts, assignment, flash, soon, late };
  });
  const worst = (pick: (row: Row) => number): number => Math.max(...rows.map(pick));
  return {
    registrations: worst((row) => row.registrations),
    connections: worst((row) => row.connections),
    restarts: worst((row) => row.restarts),
    assignment: worst((row) => row.assignment),
    flash: worst((row) => row.flash),
    soon: worst((row) => row.soon),
    late: worst((row) => row.late),
  };
}

const measures = new Map<string, Row>();

test.each(FAILURES)("$name", (failure) => {
  const row = measured(failure);
  measures.set(failure.name, row);
  expect(row.registrations).toBeLessThanOrEqual(failure.registrations);
  expect(row.connections).toBeLessThanOrEqual(400);
  expect(row.assignment).toBeLessThanOrEqual(100);
  if (failure.silent) {
    expect(row.restarts).toBeGreaterThan(0);
    expect(row.restarts).toBeLessThanOrEqual(6);
  } else expect(row.restarts).toBe(0);
  expect(row.soon / 1000).toBeLessThanOrEqual(failure.back);
  expect(row.late).toBeLessThanOrEqual(HOUR + MINUTE);
});

function table(): string {
  const head = [
    "failure",
    "registrations",
    "connections",
    "flash writes",
    "of the assignment",
    "restarts",
    "back after 10 minutes",
    "after a day",
  ];
  const lines = FAILURES.map(({ name }) => {
    const row = measures.get(name);
    if (!row) throw new Error(`${name} was not measured`);
    const seconds = [row.soon, row.late].map((time) => `${Math.round(time / 1000)} s`);
    const { registrations, connections, flash, assignment, restarts } = row;
    return [name, registrations, connections, flash, assignment, restarts, ...seconds].map(String);
  });
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)));
  const join = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const text = (cells: readonly string[]): string =>
    join(cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))));
  const rule = join(widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
  return [text(head), rule, ...lines.map(text)].join("\n");
}

test("the table in docs/errors.md is what was measured", () => {
  const page = readFileSync(PAGE, "utf8");
  const found = /(<!-- failures -->\n\n)[\s\S]*?(\n\n<!-- \/failures -->)/;
  const renewed = page.replace(found, (_, before: string, after: string) => before + table() + after);
  if (process.env.BERTH_WRITE_DOCS === "1") writeFileSync(PAGE, renewed);
  else expect(page).toBe(renewed);
  expect(page).toMatch(found);
});

test("a hub that refuses for a minute while DPS asks for an hour: back within a minute", () => {
  for (const seed of SEEDS) {
    const run = new FailureRun({
      seed,
      known: true,
      fail: ({ azure }) => {
        azure.servers.set(HUB, refusingHub);
        azure.servers.set(DPS, dpsAnswers(503, {}, 3600));
      },
    });
    run.time.advance(MINUTE);
    run.azure.servers.set(HUB, hub());
    expect(run.untilConnected(HOUR)).toBeLessThanOrEqual(MINUTE);
    run.end();
  }
});

test("DPS that asks for a time is not asked before, restarts included, and the device is there within a minute of it", () => {
  for (const seed of SEEDS) {
    const run = new FailureRun({
      seed,
      known: false,
      // Beyond the watchdog's half hour, and the power goes in between.
      fail: ({ azure }) => void azure.servers.set(DPS, dpsAnswers(503, {}, 7_200)),
    });
    run.time.advance(MINUTE);
    run.heal();
    for (let cut = 0; cut < 5; cut += 1) {
      run.powerCut();
      run.time.advance(20 * MINUTE);
    }
    expect([run.registrations, run.restarts]).toEqual([1, 0]);
    expect(run.connected).toEqual([]);
    run.time.advance(19 * MINUTE);
    const told = 2 * HOUR - run.time.ticks();
    expect(run.registrations).toBe(1);
    expect(run.untilConnected(DAY)).toBeLessThanOrEqual(told + MINUTE);
    run.end();
  }
});

test("a device that was disabled for a day and is assigned to another hub is there at once", () => {
  for (const seed of SEEDS) {
    const run = new FailureRun({
      seed,
      known: true,
      fail: ({ azure }) => void azure.servers.set(HUB, refusingHub),
    });
    run.time.advance(DAY);
    run.azure.servers.set(DPS, assigningDps(HUB2));
    run.azure.servers.set(HUB2, hub());
    const asked = run.registrations;
    while (run.registrations === asked) run.time.advance(1000);
    expect(run.untilConnected(HOUR)).toBeLessThanOrEqual(15_000);
    run.end();
  }
});

test("a start that is spread over an hour is no reason for a restart", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const run = new FailureRun({ seed, known: false, fail: () => {}, settings: { startSpread: 3_600 } });
    run.time.advance(HOUR + MINUTE);
    expect([run.restarts, run.connected.length > 0]).toEqual([0, true]);
    run.end();
  }
});

test("a week without any answer: restarts, more and more seldom, and no registration", () => {
  const run = new FailureRun({
    seed: 1,
    known: true,
    fail: ({ azure }) => {
      azure.refuse = "connect-failed";
    },
  });
  run.time.advance(7 * DAY);
  expect(run.restarts).toBeGreaterThanOrEqual(7);
  expect(run.restarts).toBeLessThanOrEqual(14);
  expect(run.connections / 7).toBeLessThanOrEqual(400);
  run.heal();
  expect(run.untilConnected(DAY)).toBeLessThanOrEqual(6 * MINUTE + 30_000);
  run.end();
});

test("an operation that DPS never ends does not keep the device from a hub that it is moved to", () => {
  const run = new FailureRun({
    seed: 1,
    known: true,
    fail: ({ azure }) => {
      azure.servers.delete(HUB);
      azure.servers.set(DPS, dpsAnswers(202, assigning, 3));
    },
  });
  run.time.advance(2 * DAY);
  // DPS loses its old operations only: a new registration is answered.
  const special: DpsRequestHandler = (connection, topic, requestId) => {
    if (!topic.includes("endless")) return false;
    answerDps(connection, 202, requestId, assigning, 3);
    return true;
  };
  run.azure.servers.set(DPS, assigningDps(HUB2, "device-1", special));
  run.azure.servers.set(HUB2, hub());
  expect(run.untilConnected(DAY)).toBeLessThanOrEqual(2 * HOUR);
  run.end();
});
