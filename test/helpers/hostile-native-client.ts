// SPDX-License-Identifier: MIT
/** The TLS of the boards, mbedTLS through hosts/native/tls, as a client under test: tools/tls_probe.c, a process a case. */
import { execFile, execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findMbedtls } from "../../hosts/native/scripts/mbedtls";
import type { ErrorCode } from "../../src/error";
import type { HostileClient, HostileOutcome, HostileTarget } from "./hostile-client";

const ENGINE = "hosts/native/tls";
const PROBE = "hosts/native/tools/tls_probe.c";

/** berth_tls_code of hosts/native/tls/berth_tls_failure.h. */
const CODES: readonly (ErrorCode | undefined)[] = [
  undefined,
  "invalid-argument",
  "out-of-memory",
  "tls-untrusted",
  "tls-expired",
  "tls-name-mismatch",
  "tls-client-certificate",
  "tls-failed",
  "connection-lost",
];

/** One line of the probe. */
interface ProbeLine {
  readonly code: number;
  readonly text: string;
  readonly received: number;
  /** There once the handshake has ended well. */
  readonly version?: string;
}

export interface NativeClient extends HostileClient {
  /** Removes what was built. */
  remove(): void;
}

/**
 * Builds the probe with AddressSanitizer and UndefinedBehaviorSanitizer; undefined without a C compiler or mbedTLS.
 * exceptions: of a version of mbedTLS, MBEDTLS_VERSION_NUMBER
 */
export function buildNativeClient(
  exceptions: (number: number) => HostileClient["exceptions"],
): NativeClient | undefined {
  const mbedtls = findMbedtls();
  if (mbedtls === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "berth-hostile-"));
  const probe = join(folder, "tls_probe");
  const sources = readdirSync(ENGINE).filter((name) => name.endsWith(".c"));
  execFileSync("cc", [
    ...["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I", ENGINE, "-o", probe],
    ...[...mbedtls.compilerFlags, ...sources.map((name) => join(ENGINE, name)), PROBE],
    ...[...mbedtls.linkerFlags, "-lmbedtls", "-lmbedx509", "-lmbedcrypto"],
  ]);
  return {
    name: `mbedTLS ${mbedtls.version}`,
    offersTls13: mbedtls.tls13,
    exceptions: exceptions(mbedtls.number),
    open: (target) => visit(probe, folder, target),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function visit(probe: string, folder: string, target: HostileTarget): Promise<HostileOutcome> {
  const roots = target.roots.flatMap((pem, index) => {
    const file = join(folder, `${target.port}-${index}.der`);
    writeFileSync(file, new X509Certificate(pem).raw);
    return ["--root", file];
  });
  const options = [
    ...["--connect", `${target.address}:${target.port}`, "--host", target.host, ...roots],
    ...["--send", Buffer.from(target.payload).toString("latin1"), "--bytes", String(target.answerLength)],
  ];
  return new Promise((resolve, reject) => {
    execFile(probe, options, (_error, stdout, stderr) => {
      // A sanitizer that complains, or a crash.
      if (stderr !== "" || stdout === "") {
        reject(new Error(`tls_probe: ${stderr || "it said nothing"}`));
        return;
      }
      const line = JSON.parse(stdout) as ProbeLine;
      resolve({
        established: line.version !== undefined,
        code: line.code in CODES ? CODES[line.code] : `unknown code ${line.code}`,
        message: line.text,
        received: line.received,
      });
    });
  });
}
