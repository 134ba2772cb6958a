// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { BerthError } from "../../src/error";
import { certificatesIn } from "./credentials";
import { readHandedOver } from "./handed-over";

/** The roots of Azure's DPS and IoT Hub: today's, the announced successor, and the retired one. */
const DEFAULT_ROOTS = Object.freeze([
  "DigiCert_Global_Root_G2.pem",
  "Microsoft_RSA_Root_Certificate_Authority_2017.pem",
  "Baltimore_CyberTrust_Root.pem",
]);

/** Which roots to trust. */
export interface RootOptions {
  /** Files, PEM or DER, whose certificates are trusted instead of the default roots. */
  readonly replace?: readonly string[] | undefined;
  /** Files whose certificates are trusted too. */
  readonly add?: readonly string[] | undefined;
  /** Gets one line for each root that is skipped. */
  readonly log?: ((line: string) => void) | undefined;
  /** Milliseconds since 1970 by which a root is judged; the computer's clock by default. */
  readonly now?: number | undefined;
}

/**
 * The trusted roots in PEM, one certificate an entry. One out of its time is skipped with a line to `log`; where
 * nothing else is left it stays, so that the handshake says `tls-expired` instead of the start failing.
 * @throws BerthError `invalid-argument` when a file cannot be read or holds no certificate; it names the file.
 */
export function loadRoots(options: RootOptions = {}): string[] {
  const now = options.now ?? Date.now();
  const files = [...(options.replace?.length ? options.replace : defaultFiles()), ...(options.add ?? [])];
  const roots = files.flatMap(certificatesOf);
  const usable = roots.filter((root) => root.from <= now && now <= root.to);
  if (usable.length === 0) return roots.map((root) => root.pem);
  for (const root of roots) {
    if (!usable.includes(root)) options.log?.(`root skipped, ${whyNot(root, now)}: ${root.name}`);
  }
  return usable.map((root) => root.pem);
}

interface Root {
  readonly pem: string;
  readonly name: string;
  /** Validity in milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

function defaultFiles(): string[] {
  return DEFAULT_ROOTS.map((name) => fileURLToPath(new URL(`../../certificates/${name}`, import.meta.url)));
}

function certificatesOf(file: string): Root[] {
  return certificatesIn(read(file), file).map((certificate) => ({
    pem: certificate.toString(),
    name: certificate.subject?.split("\n").pop() ?? "",
    from: Date.parse(certificate.validFrom),
    to: Date.parse(certificate.validTo),
  }));
}

function read(file: string): Buffer {
  try {
    return readHandedOver(file);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw new BerthError("invalid-argument", `${file} cannot be read: ${(error as Error).message}`);
  }
}

function whyNot(root: Root, now: number): string {
  return now > root.to
    ? `expired on ${new Date(root.to).toISOString().slice(0, 10)}`
    : `not valid before ${new Date(root.from).toISOString().slice(0, 10)}`;
}
