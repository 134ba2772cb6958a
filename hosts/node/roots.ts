// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BerthError } from "../../src/error";

/** The roots of Azure's DPS and IoT Hub: today's, the announced successor, and the retired one. */
const DEFAULT_ROOTS = Object.freeze([
  "DigiCert_Global_Root_G2.pem",
  "Microsoft_RSA_Root_Certificate_Authority_2017.pem",
  "Baltimore_CyberTrust_Root.pem",
]);

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates in `text`, one an entry, each still in PEM. */
export function pemCertificates(text: string): string[] {
  return text.match(PEM_CERTIFICATE) ?? [];
}

/** Which roots to trust. */
export interface RootOptions {
  /** PEM files whose certificates are trusted instead of the default roots. */
  readonly replace?: readonly string[] | undefined;
  /** PEM files whose certificates are trusted too. */
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
  const blocks = pemCertificates(readText(file));
  if (blocks.length === 0) {
    throw new BerthError(
      "invalid-argument",
      `${file} holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`,
    );
  }
  return blocks.map((pem, index) => {
    try {
      const certificate = new X509Certificate(pem);
      const name = certificate.subject.split("\n").pop() ?? "";
      return { pem, name, from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) };
    } catch (error) {
      const reason = (error as Error).message;
      throw new BerthError(
        "invalid-argument",
        `certificate ${index + 1} of ${file} cannot be read: ${reason}`,
      );
    }
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new BerthError("invalid-argument", `${file} cannot be read: ${(error as Error).message}`);
  }
}

function whyNot(root: Root, now: number): string {
  return now > root.to
    ? `expired on ${new Date(root.to).toISOString().slice(0, 10)}`
    : `not valid before ${new Date(root.from).toISOString().slice(0, 10)}`;
}
