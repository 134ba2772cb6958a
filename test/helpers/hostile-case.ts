// SPDX-License-Identifier: MIT
/** One entry of the hostile suite, and how it is run against a client. */
import { expect } from "@jest/globals";
import type { Issued } from "./hostile-certificates";
import type { HostileClient, HostileOutcome, Verdict } from "./hostile-client";
import { HOST, type HostilePki, hostilePki } from "./hostile-pki";
import { HANDSHAKE } from "./hostile-tls-bytes";
import { type HostilePlan, type HostileReport, HostileServer } from "./hostile-tls-server";

export interface HostileCase {
  readonly name: string;
  readonly verdict: Verdict;
  readonly plan: (pki: HostilePki) => HostilePlan | Promise<HostilePlan>;
  /** The name that the client asks for; HOST by default. */
  readonly host?: string;
  /** The roots that the client trusts; the one of the PKI by default. */
  readonly roots?: (pki: HostilePki) => readonly Issued[];
  /** The last handshake message that the client may have sent: how far it let the server come. */
  readonly lastMessage?: number;
  /** What the client must have received in the end; by default the echo, or nothing when refused or broken. */
  readonly receives?: Buffer;
  /** Does the case make sense for this client? By default it does. */
  readonly concerns?: (client: HostileClient) => boolean;
}

/** What a device says first holds its key's signature: it must never be seen in clear, or by the wrong server. */
export const PAYLOAD = Buffer.from(
  "CONNECT SharedAccessSignature sr=scope%2Fregistrations%2Fdevice&sig=secret",
);

/** How long a client may take to make up its mind; only a client that never does gets so far. */
const STALLED = 8_000;

const CLIENT_MESSAGES = [HANDSHAKE.clientHello, HANDSHAKE.clientKeyExchange, HANDSHAKE.finished];

/** The verdict of the table, but for the exceptions of `client`. */
export function verdictFor(one: HostileCase, client: HostileClient): Verdict {
  return client.exceptions[one.name]?.verdict ?? one.verdict;
}

/** Runs `one` against `client`. @throws jest's error when the client does not do what it must. */
export async function runHostileCase(one: HostileCase, client: HostileClient): Promise<void> {
  const pki = await hostilePki();
  const verdict = verdictFor(one, client);
  const receives =
    verdict.kind === "refused"
      ? Buffer.alloc(0)
      : (one.receives ?? (verdict.kind === "works" ? PAYLOAD : Buffer.alloc(0)));
  const server = await HostileServer.start(await one.plan(pki));
  try {
    const outcome = await inTime(
      client.open({
        host: one.host ?? HOST,
        address: "127.0.0.1",
        port: server.port,
        roots: (one.roots?.(pki) ?? [pki.root]).map(({ pem }) => pem),
        payload: PAYLOAD,
        answerLength: verdict.kind === "broken" ? receives.length + 1 : (one.receives ?? PAYLOAD).length,
      }),
      "the client neither connected nor failed",
    );
    const report = await inTime(server.report(), "the client did not let go of the connection");
    judge(one, verdict, receives, outcome, report);
  } finally {
    await server.stop();
  }
}

function judge(
  one: HostileCase,
  verdict: Verdict,
  receives: Buffer,
  outcome: HostileOutcome,
  report: HostileReport,
): void {
  const code = verdict.kind === "works" ? undefined : verdict.code;
  expect({ code: outcome.code, established: outcome.established, message: outcome.message }).toEqual({
    code,
    established: verdict.kind !== "refused",
    message: code === undefined ? "" : expect.stringMatching(/\S/),
  });
  if (typeof outcome.received === "number") expect(outcome.received).toBe(receives.length);
  else expect(outcome.received.equals(receives)).toBe(true);

  expect(report.failure).toBeUndefined();
  expect(report.hello?.serverName).toBe(/^[\d.]+$/.test(one.host ?? HOST) ? undefined : (one.host ?? HOST));
  expect(report.earlyApplicationBytes).toBe(0);
  expect(report.wire.includes(PAYLOAD)).toBe(false);
  if (verdict.kind === "refused") {
    expect(report.applicationBytes).toBe(0);
  } else {
    // Both Finished have been sent, and no handshake was begun after them.
    expect(report.messages).toEqual(CLIENT_MESSAGES);
    expect(report.clientFinished).toBe(true);
    expect(report.applicationData).toEqual(PAYLOAD);
  }
  if (one.lastMessage !== undefined && verdict.kind === one.verdict.kind) {
    expect(report.messages.at(-1)).toBe(one.lastMessage);
  }
}

async function inTime<Result>(work: Promise<Result>, complaint: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), STALLED);
  });
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
