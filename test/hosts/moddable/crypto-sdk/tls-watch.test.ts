// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TlsWatch } from "../../../../hosts/moddable/crypto-sdk/tls-watch";
import { Content, certificateMessage, record } from "./fake-sockets";

const A = Uint8Array.of(1, 2, 3);
const B = new Uint8Array(300).fill(7);

/** ServerHello, then the certificates, the second message over two records. */
function flight(): Uint8Array {
  const message = certificateMessage(A, B);
  return Buffer.concat([
    record(Content.HANDSHAKE, 2, 0, 0, 1, 9),
    record(Content.HANDSHAKE, ...message.slice(0, 50)),
    record(Content.HANDSHAKE, ...message.slice(50)),
  ]);
}

describe("certificates", () => {
  test("are found however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const watch = new TlsWatch();
        const bytes = flight();
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length] as number;
          watch.received(bytes.subarray(at, at + size));
          at += size;
        }
        expect(watch.certificates()).toEqual([A, B]);
        expect(watch.encrypted).toBe(false);
      }),
    );
  });

  test("cut off at any byte there are none, and nothing throws", () => {
    const bytes = flight();
    for (let length = 0; length < bytes.length; length += 1) {
      const watch = new TlsWatch();
      watch.received(bytes.subarray(0, length));
      expect(watch.certificates()).toEqual([]);
    }
  });

  test("any bytes are endured, and memory is bounded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const watch = new TlsWatch();
        watch.received(bytes);
        watch.certificates();
      }),
    );
    const watch = new TlsWatch();
    for (let i = 0; i < 40; i += 1) watch.received(record(Content.HANDSHAKE, ...new Array(1000).fill(0)));
    expect(watch.certificates()).toEqual([]);
  });

  test("no more are looked at than a chain can have", () => {
    const watch = new TlsWatch();
    const message = certificateMessage(...new Array<Uint8Array>(2_000).fill(A));
    watch.received(record(Content.HANDSHAKE, ...message));
    expect(watch.certificates()).toEqual(new Array<Uint8Array>(8).fill(A));
  });
});

describe("encryption", () => {
  test("application data leaves only after the server's ChangeCipherSpec", () => {
    const watch = new TlsWatch();
    watch.sending(record(Content.HANDSHAKE, 1));
    const data = record(Content.DATA, 1);
    expect(() => watch.sending(data)).toThrow(expect.objectContaining({ code: "tls-failed" }));
    watch.received(record(Content.CCS, 1));
    expect(watch.encrypted).toBe(true);
    watch.sending(data);
    expect(watch.certificates()).toEqual([]);
  });
});
