// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { HttpConnect, parseProxy } from "../../../hosts/sockets/http-connect";
import { httpProxy } from "../../../hosts/sockets/proxied-tcp";
import type { Tcp, TcpOptions } from "../../../hosts/sockets/tcp";
import { nodeText } from "../../../simulator/virtual-host";
import { BerthError, type ErrorCode } from "../../../src/error";
import { concat, cut } from "../../helpers/bytes";
import { testProperty } from "../../helpers/seeds";

const bytes = (text: string): Uint8Array => nodeText.encode(text);

describe("the option", () => {
  test.each([
    ["http://proxy.example:3128", "proxy.example", 3128, ""],
    ["proxy.example:3128", "proxy.example", 3128, ""],
    ["http://10.0.0.1:8080/", "10.0.0.1", 8080, ""],
    ["http://[2001:db8::1]:8080", "2001:db8::1", 8080, ""],
    ["http://user:pass@proxy.example:80", "proxy.example", 80, "user:pass"],
    ["http://a%40b:p%3Aq%2F@proxy.example:80", "proxy.example", 80, "a@b:p:q/"],
    ["http://user:@proxy.example:80", "proxy.example", 80, "user:"],
  ])("%s", (text, host, port, credentials) => {
    expect(parseProxy(text)).toEqual({ host, port, credentials });
  });

  test.each([
    "",
    "proxy.example",
    "https://proxy.example:3128",
    "socks5://proxy.example:1080",
    "http://proxy.example:0",
    "http://proxy.example:65536",
    "http://sesame@proxy.example:80",
    "http://user:se%same@proxy.example:80",
    "http://user:sesame%00@proxy.example:80",
    "http://us%3Aer:sesame@proxy.example:80",
    `http://user:${"sesame".repeat(50)}@proxy.example:80`,
    "http://user:sesame@pro xy.example:80",
    "http://user:sesame@proxy.example:80/path",
    "http://[proxy.example]:80",
  ])("%j is refused, and not shown", (text) => {
    let told: unknown;
    try {
      httpProxy(text);
    } catch (error) {
      told = error;
    }
    expect(told).toMatchObject({ code: "invalid-argument" });
    expect((told as Error).message).toMatch(/^the option proxy is /);
    expect((told as Error).message).not.toContain("sesame");
  });
});

test("RFC 7617, section 2: the credentials of the example", () => {
  const { credentials, ...proxy } = parseProxy("http://Aladdin:open%20sesame@proxy.example:80");
  const conversation = new HttpConnect({ ...proxy, credentials }, nodeText);
  expect(nodeText.decode(conversation.request("hub.example", 8883))).toBe(
    "CONNECT hub.example:8883 HTTP/1.1\r\nHost: hub.example:8883\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
  );
});

const conversation = (url = "http://proxy.example:80"): HttpConnect =>
  new HttpConnect(parseProxy(url), nodeText);

/** What comes of an answer: "through", "more", or the error. */
function outcome(answer: Uint8Array, one = conversation()): string | BerthError {
  try {
    return one.take(answer, answer.length) ? "through" : "more";
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
}

describe("the answer", () => {
  test.each(["HTTP/1.1 200 Connection established", "HTTP/1.0 200 ok", "HTTP/1.1 204 ", "HTTP/1.1 200"])(
    "%s opens",
    (status) => {
      expect(outcome(bytes(`${status}\r\nVia: x\r\n\r\n`))).toBe("through");
    },
  );

  test.each<[string, ErrorCode, string]>([
    ["HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-refused", "proxy.example:80: HTTP/1.1 403 Forbidden"],
    ["HTTP/1.1 302 Found\r\nLocation: http://login.example\r\n\r\n", "proxy-refused", "302"],
    ["HTTP/1.1 502 Bad\x1b[31m\r\n\r\n", "proxy-refused", "502 Bad?[31m"],
    ["HTTP/1.1 407 no\r\nProxy-Authenticate: Basic\r\n\r\n", "proxy-authentication", "none are given"],
    [
      "HTTP/1.1 407 no\r\nproxy-authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n\r\n",
      "proxy-authentication",
      "asks for NTLM, Negotiate; only Basic",
    ],
    ["HTTP/2 200\r\n\r\n", "proxy-malformed", "HTTP/2 200"],
    ["\r\n\r\n", "proxy-malformed", ""],
    ["HTTP/1.1 200 ok\r\n\r\nx", "proxy-malformed", "bytes behind"],
    [`HTTP/1.1 200 ok\r\nX: ${"y".repeat(5_000)}`, "proxy-malformed", "more than 4096"],
  ])("%j", (answer, code, about) => {
    const error = outcome(bytes(answer));
    expect(error).toMatchObject({ code });
    expect((error as BerthError).message).toContain(about);
  });

  test("of bytes that are no text", () => {
    expect(outcome(concat(Uint8Array.of(0xff), bytes("\r\n\r\n")))).toMatchObject({
      code: "proxy-malformed",
    });
  });

  test("a connection that ends before it is no answer, in the middle of it a broken one", () => {
    expect(conversation().ended()).toMatchObject({ code: "proxy-refused" });
    const begun = conversation();
    begun.take(bytes("HTTP/1.1 2"), 10);
    expect(begun.ended()).toMatchObject({ code: "proxy-malformed" });
  });
});

/** A socket of a board: what is readable is told, what is written must fit. */
class FakeTcp implements Tcp {
  static last: FakeTcp;
  readonly options: TcpOptions;
  readonly written: Uint8Array[] = [];
  room = 0;
  closed = false;
  #incoming: Uint8Array = new Uint8Array(0);

  constructor(options: TcpOptions) {
    this.options = options;
    FakeTcp.last = this;
  }

  read(target: Uint8Array): number {
    const part = this.#incoming.subarray(0, target.length);
    if (part.length < target.length) throw new Error("more than is readable");
    target.set(part);
    this.#incoming = this.#incoming.slice(part.length);
    return part.length;
  }

  write(part: Uint8Array): number {
    if (part.length > this.room) throw new Error("no room");
    this.written.push(part.slice());
    this.room -= part.length;
    return this.room;
  }

  close(): void {
    this.closed = true;
  }

  writable(room: number): void {
    this.room = room;
    this.options.onWritable(room);
  }

  receive(part: Uint8Array): void {
    this.#incoming = concat(this.#incoming, part);
    this.options.onReadable(this.#incoming.length);
  }
}

function tunnel(): { tcp: FakeTcp; log: string[] } {
  const log: string[] = [];
  const { host, port, open } = httpProxy("http://user:sesame@proxy.example:80")(nodeText);
  open(
    { io: FakeTcp },
    { host: "hub.example", port: 8883 },
    {
      address: host,
      port,
      nodelay: true,
      onReadable: (count) => log.push(`readable ${count}`),
      onWritable: (room) => log.push(`writable ${room}`),
      onError: (error) => log.push(`error ${error instanceof BerthError ? error.code : "of TCP"}`),
    },
  );
  return { tcp: FakeTcp.last, log };
}

describe("a socket through it", () => {
  test("is told as open when the proxy has answered, and is what it was from then on", () => {
    const { tcp, log } = tunnel();
    expect(tcp.options).toMatchObject({ address: "proxy.example", port: 80, nodelay: true });
    tcp.writable(30);
    tcp.writable(30);
    tcp.writable(500);
    expect(nodeText.decode(concat(...tcp.written))).toMatch(/^CONNECT hub.example:8883 .*\r\n\r\n$/s);
    expect(log).toEqual([]);
    tcp.receive(bytes("HTTP/1.1 200 ok\r\n\r"));
    tcp.receive(bytes("\n"));
    expect(log).toEqual([`writable ${tcp.room}`]);
    tcp.receive(bytes("TLS"));
    tcp.writable(100);
    tcp.options.onError();
    expect(log.slice(1)).toEqual(["readable 3", "writable 100", "error of TCP"]);
  });

  test.each([
    ["before it is connected", 0, "", "connect-failed"],
    ["before its answer", 500, "", "proxy-refused"],
    ["in its answer", 500, "HTTP/1.1", "proxy-malformed"],
  ])("ends %s", (_when, room, answer, code) => {
    const { tcp, log } = tunnel();
    if (room > 0) tcp.writable(room);
    if (answer !== "") tcp.receive(bytes(answer));
    tcp.options.onError();
    tcp.options.onError();
    expect(log).toEqual([`error ${code}`]);
  });
});

testProperty(
  "whatever a proxy says ends in one typed error, in a connection, or in nothing, however it is cut",
  300,
  fc.property(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(
          fc.constantFrom("HTTP/1.1 200 ok\r\n", "HTTP/1.1 407 x\r\n", "HTTP/1.1 5"),
          fc.string({ maxLength: 40 }),
        )
        .map(([start, more]) => bytes(`${start}${more.toWellFormed()}\r\n\r\n`)),
    ),
    fc.array(fc.nat(400), { maxLength: 4 }),
    (answer, cuts) => {
      const { tcp, log } = tunnel();
      tcp.writable(500);
      for (const part of cut(answer, cuts)) if (log.length === 0) tcp.receive(part);
      expect(log.length).toBeLessThan(2);
      expect(log.join()).toMatch(/^(|writable \d+|error proxy-(authentication|refused|malformed))$/);
    },
  ),
);
