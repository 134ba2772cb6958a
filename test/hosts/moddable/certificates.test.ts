// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { TRUSTED_ROOTS } from "../../../hosts/moddable/trusted-roots";
import { readValidity } from "../../../src/x509/certificate";
import type { TlsNatives } from "../../../hosts/native/natives";
import { NativeTls } from "../../../hosts/native/tls";
import { type Root, type RootReport, readableRoots } from "../../../hosts/moddable/roots";

const DIRECTORY = "hosts/moddable/certificates";

/** Of the root, and the file that it was made from. */
const PROVENANCE: Record<string, { sha1: string; pem: string }> = {
  "digicert-global-root-g2": {
    sha1: "DF3C24F9BFD666761B268073FE06D1CC8D4F82A4",
    pem: "DigiCert_Global_Root_G2.pem",
  },
  "microsoft-rsa-root-2017": {
    sha1: "73A5E64A3BFF8316FF0EDCCC618A906E4EAE4D74",
    pem: "Microsoft_RSA_Root_Certificate_Authority_2017.pem",
  },
  "baltimore-cybertrust-root": {
    sha1: "D4DE20D05E66FC53FE1A50882C78DB2852CAE474",
    pem: "Baltimore_CyberTrust_Root.pem",
  },
};

function der(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${DIRECTORY}/${name}.der`));
}

function load(
  date: string,
  roots: readonly Root[] = TRUSTED_ROOTS.map((name) => ({ name, read: () => der(name) })),
) {
  const reports: RootReport[] = [];
  const readable = readableRoots(roots, Date.parse(date), (report) => void reports.push(report));
  return { readable, states: Object.fromEntries(reports.map(({ name, state }) => [name, state])), reports };
}

describe("the roots in the image", () => {
  test("are these files and no others", () => {
    const files = readdirSync(DIRECTORY).filter((file) => file.endsWith(".der"));
    expect(files.sort()).toEqual(TRUSTED_ROOTS.map((name) => `${name}.der`).sort());
  });

  test.each(TRUSTED_ROOTS)(
    "%s: fingerprint, source, self-signed, CA, dates as read on the device",
    (name) => {
      const bytes = der(name);
      const certificate = new X509Certificate(bytes);
      const { sha1, pem } = PROVENANCE[name] as { sha1: string; pem: string };
      expect(certificate.fingerprint.replaceAll(":", "")).toBe(sha1);
      expect(certificate.raw).toEqual(new X509Certificate(readFileSync(`certificates/${pem}`)).raw);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.ca).toBe(true);
      const fields = readValidity(bytes);
      expect(fields.notBefore).toBe(Date.parse(certificate.validFrom));
      expect(fields.notAfter).toBe(Date.parse(certificate.validTo));
      expect(readFileSync(`${DIRECTORY}/README.md`, "utf8")).toContain(
        `| ${sha1} | ${new Date(fields.notAfter).toISOString().slice(0, 10)} |`,
      );
    },
  );

  test("expired ones are told by one report, and never stop the others", () => {
    expect(load("2026-11-23").states).toEqual({
      "digicert-global-root-g2": "trusted",
      "microsoft-rsa-root-2017": "trusted",
      "baltimore-cybertrust-root": "expired",
    });
    expect(load("2026-11-23").reports).toHaveLength(3);
    expect(load("2024-01-01").states["baltimore-cybertrust-root"]).toBe("trusted");
    expect(load("2039-01-01").states["digicert-global-root-g2"]).toBe("expired");
    expect(load("2010-01-01").states["microsoft-rsa-root-2017"]).toBe("not yet valid");
  });

  test("a clock that is wrong at the first connection costs no root: TLS judges the dates at each", () => {
    const built: [number, number][] = [];
    const opened: number[] = [];
    const natives = {
      TlsContext: class {
        constructor(roots: readonly unknown[], count: number) {
          built.push([roots.length, count]);
        }
      },
      TlsEngine: class {
        constructor(_context: unknown, _host: string, seconds: number) {
          opened.push(seconds);
        }
      },
    } as unknown as TlsNatives;
    let reports = 0;
    const wrong = Date.UTC(2039, 0);
    const right = Date.UTC(2026, 10);
    const roots = TRUSTED_ROOTS.map((name) => ({ name, read: () => der(name) }));
    const tls = new NativeTls({ natives, roots: () => readableRoots(roots, wrong, () => (reports += 1)) });
    for (const now of [wrong, right, right]) tls.open("hub.example", now);
    expect(built).toEqual([[3, 3]]);
    expect(opened).toEqual([wrong / 1000, right / 1000, right / 1000]);
    expect(reports).toBe(3);
  });

  test("one that is missing or broken is reported, the others are trusted", () => {
    const { readable, states } = load("2026-11-23", [
      {
        name: "missing",
        read: () => {
          throw new Error("Resource not found: missing.der");
        },
      },
      { name: "broken", read: () => Uint8Array.of(0x30, 0x03, 0x02) },
      { name: "good", read: () => der("digicert-global-root-g2") },
    ]);
    expect(states).toEqual({ missing: "unreadable", broken: "unreadable", good: "trusted" });
    expect(readable).toEqual([der("digicert-global-root-g2")]);
  });
});

/** DER with nothing in it but what is read: the rest of the fields is empty. */
function certificateFrom(notBefore: string): Uint8Array {
  const element = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 255), content]);
  };
  const time = element(0x17, Buffer.from("260101000000Z"));
  const begin = element(notBefore.length === 13 ? 0x17 : 0x18, Buffer.from(notBefore));
  const empty = element(0x30);
  return element(0x30, element(0x30, element(2), empty, empty, element(0x30, begin, time), empty, empty));
}

describe("reading certificates", () => {
  test("cut off at any byte, or with any byte changed: an error or a certificate, nothing else", () => {
    const bytes = der("digicert-global-root-g2");
    const outcome = (input: Uint8Array): string => {
      try {
        readValidity(input);
        return "read";
      } catch (error) {
        return (error as { code?: string }).code ?? "other";
      }
    };
    for (let length = 0; length < bytes.length; length += 1) {
      expect(outcome(bytes.subarray(0, length))).toBe("invalid-argument");
    }
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 0xff;
      expect(["read", "invalid-argument"]).toContain(outcome(changed));
    }
  });

  test.each([
    ["260228235959Z", "2026-02-28T23:59:59.000Z"],
    ["490101000000Z", "2049-01-01T00:00:00.000Z"],
    ["500101000000Z", "1950-01-01T00:00:00.000Z"],
    ["20500101000000Z", "2050-01-01T00:00:00.000Z"],
    // Found by fuzzing: they were taken for another day.
    ["260228840000Z", "none"],
    ["260230000000Z", "none"],
    ["261301000000Z", "none"],
    ["26022 235959Z", "none"],
    ["00500101000000Z", "none"],
    ["260228235959+", "none"],
  ])("the time %s is %s (RFC 5280, section 4.1.2.5)", (written, expected) => {
    let read = "none";
    try {
      read = new Date(readValidity(certificateFrom(written)).notBefore).toISOString();
    } catch {
      // Refused.
    }
    expect(read).toBe(expected);
  });
});
