// SPDX-License-Identifier: MIT
import { createPublicKey, verify, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDeviceCertificate, createRootCertificate } from "../../emulator/certificates";
import { publicKeyInfo } from "../../src/x509/certificate-request";
import { berth } from "./command";

let directory = "";
const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-roots-"));
  const root = await createRootCertificate({ commonName: "New Root", keyType: "ec-p256" });
  writeFileSync(file("root.pem"), root.certificatePem);
  writeFileSync(file("root.key.pem"), root.privateKeyPem);
  const old = await createRootCertificate({
    commonName: "Gone",
    keyType: "ec-p256",
    notBefore: new Date(0),
    days: 30,
  });
  writeFileSync(file("gone.pem"), old.certificatePem);
  const leaf = await createDeviceCertificate({ commonName: "dev-1", keyType: "ec-p256" }, root);
  writeFileSync(file("leaf.pem"), leaf.certificatePem);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("berth roots", () => {
  let publicKey = "";

  test("key: the public half on standard output, the private one for its owner alone, nothing written over", async () => {
    const made = await berth(...["roots", "key", "--out", file("sign.pem")]);
    expect(made).toMatchObject({ status: 0, err: "" });
    publicKey = made.out.trim();
    expect(Buffer.from(publicKey, "base64")).toHaveLength(65);
    expect(statSync(file("sign.pem")).mode & 0o777).toBe(0o600);
    const before = readFileSync(file("sign.pem"));
    expect(await berth(...["roots", "key", "--out", file("sign.pem")])).toMatchObject({
      status: 2,
      err: expect.stringContaining("exists"),
    });
    expect(readFileSync(file("sign.pem"))).toEqual(before);
  });

  test("sign: desired properties with a signature that others can judge by the documented bytes", async () => {
    const { status, out } = await berth(
      ...[...["roots", "sign", file("root.pem"), "--key", file("sign.pem"), "--counter", "7"]],
    );
    expect(status).toBe(0);
    const { trustedRoots } = JSON.parse(out);
    const root = new X509Certificate(readFileSync(file("root.pem"))).raw;
    expect(trustedRoots).toMatchObject({ counter: 7, roots: [root.toString("base64")] });
    const length = Buffer.of(root.length >> 8, root.length & 255);
    const signed = Buffer.concat([Buffer.from("berth roots 1\n"), Buffer.of(0, 0, 0, 7), length, root]);
    const spki = Buffer.from(publicKeyInfo(Buffer.from(publicKey, "base64")));
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    expect(verify("sha256", signed, key, Buffer.from(trustedRoots.signature, "base64"))).toBe(true);
  });

  test.each([
    ["a leaf", ["leaf.pem"], "sign.pem", "7", "no CA"],
    ["roots that have all ended", ["gone.pem"], "sign.pem", "7", "ended"],
    ["seven roots", Array(7).fill("root.pem"), "sign.pem", "7", "6 at most"],
    ["a file that is none", ["missing.pem"], "sign.pem", "7", "missing.pem"],
    ["a key that is none", ["root.pem"], "root.pem", "7", "root.pem"],
    ["a counter of 0", ["root.pem"], "sign.pem", "0", "counter"],
  ])("sign: %s is refused before anything is printed", async (_, roots, key, counter, about) => {
    const given = ["roots", "sign", ...roots.map(file), "--key", file(key), "--counter", counter];
    const { status, out, err } = await berth(...given);
    expect([status !== 0, out]).toEqual([true, ""]);
    expect(err).toContain(about);
  });
});
