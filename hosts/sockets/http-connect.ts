// SPDX-License-Identifier: MIT
/**
 * An HTTP proxy in front of TLS (RFC 9110, section 9.3.6: CONNECT), with or without a name and password (RFC 7617: Basic). The
 * proxy sees the server's name and port and no more than that: TLS goes through it and is verified as ever.
 */
import { isHostName } from "../../src/azure/identifiers";
import { utf8Length } from "../../src/azure/percent";
import { base64 } from "../../src/base64";
import {
  ALPHANUMERIC,
  consistsOf,
  HEXADECIMAL,
  httpStatus,
  isDigits,
  leading,
  lowerCase,
} from "../../src/characters";
import { BerthError, invalidArgument, shown } from "../../src/error";
import type { TextCodec } from "../../src/host";
import { isIpv4, isIpv6 } from "./connect-to";

/** Whom connections go through. */
export interface ProxyServer {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** `USER:PASSWORD`, or "" for none. Never to be shown. */
  readonly credentials: string;
}

/** Bytes of the answer of a proxy, its headers included. */
const LONGEST_ANSWER = 4_096;
const LONGEST_CREDENTIALS = 255;
const SCHEME = "http://";
const CHALLENGE = "proxy-authenticate:";
const LF = 10;
const CR = 13;

/**
 * Reads `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`; what is special in a URL is percent-encoded in user and
 * password. `http://` may be left out.
 * @throws BerthError `invalid-argument`, which never shows the text: it may hold a password
 */
export function parseProxy(text: string): ProxyServer {
  const parts = proxyParts(text);
  const { user, password, written = "", digits } = parts ?? {};
  const host = written.startsWith("[") ? written.slice(1, -1) : written;
  const port = Number(digits);
  const isServer = isIpv4(host) || isHostName(host) || (host !== written && isIpv6(host));
  if (!parts || !isServer || port < 1 || port > 65_535)
    throw wrong("no http://HOST:PORT or http://USER:PASSWORD@HOST:PORT");
  if (user === undefined || password === undefined) return { host, port, credentials: "" };
  let name: string;
  let credentials: string;
  let length: number;
  try {
    name = decodeURIComponent(user);
    credentials = `${name}:${decodeURIComponent(password)}`;
    length = utf8Length(credentials);
  } catch {
    throw wrong("wrong in its user or password: a % begins two hexadecimal digits; write %25 for it");
  }
  // RFC 7617, section 2: the first colon ends the name; no control characters.
  if (name.includes(":") || hasControls(credentials)) {
    throw wrong("wrong in its user or password: no control characters, and no colon in the user");
  }
  if (length > LONGEST_CREDENTIALS) {
    throw wrong(`too long in its user and password: ${LONGEST_CREDENTIALS} bytes fit`);
  }
  return { host, port, credentials };
}

/** The parts as they are written, an IPv6 address in its brackets; undefined for another form. */
function proxyParts(text: string) {
  const bare = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  const rest = bare.endsWith("/") ? bare.slice(0, -1) : bare;
  const [before, ...behind] = rest.split("@");
  const server = (behind.length === 0 ? before : behind[0]) ?? "";
  const [user, ...secret] = behind.length === 0 ? [] : (before ?? "").split(":");
  const names = server.split(":");
  const digits = names.at(-1) ?? "";
  const written = names.slice(0, -1).join(":");
  const inBrackets = written.startsWith("[") && written.endsWith("]");
  const isWritten = inBrackets
    ? consistsOf(written.slice(1, -1), HEXADECIMAL, ":.")
    : !(written.includes(":") || written.includes("[") || written.includes("]"));
  if (rest.includes("/") || behind.length > 1 || !isWritten || !isDigits(digits, 5)) return undefined;
  if (user === undefined) return { written, digits };
  return secret.length === 0 ? undefined : { user, password: secret.join(":"), written, digits };
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function wrong(about: string): BerthError {
  return invalidArgument(`the option proxy is ${about}`);
}

/** What is said to a proxy, and what its answer means; whoever has the socket moves the bytes. */
export class HttpConnect {
  readonly #proxy: ProxyServer;
  readonly #text: TextCodec;
  readonly #answer: number[] = [];

  constructor(proxy: ProxyServer, text: TextCodec) {
    this.#proxy = proxy;
    this.#text = text;
  }

  /** For messages. */
  get name(): string {
    return `${this.#proxy.host}:${this.#proxy.port}`;
  }

  /** The request for a connection to `host` and `port`. */
  request(host: string, port: number): Uint8Array {
    const { credentials } = this.#proxy;
    const text = this.#text;
    const target = `${isIpv6(host) ? `[${host}]` : host}:${port}`;
    return text.encode(
      [
        `CONNECT ${target} HTTP/1.1`,
        `Host: ${target}`,
        ...(credentials === ""
          ? []
          : [`Proxy-Authorization: Basic ${base64(text.encode(credentials), text)}`]),
        "\r\n",
      ].join("\r\n"),
    );
  }

  /**
   * Takes the first `count` bytes of what the proxy says.
   * @returns true once the connection is through: what follows is the server's
   * @throws BerthError `proxy-authentication`, `proxy-refused`, `proxy-malformed`
   */
  take(bytes: Uint8Array, count: number): boolean {
    const answer = this.#answer;
    for (let i = 0; i < count; i += 1) {
      if (answer.length === LONGEST_ANSWER) throw malformed(`more than ${LONGEST_ANSWER} bytes`);
      answer.push(bytes[i] as number);
      if (!endsHead(answer)) continue;
      this.#judge();
      // TLS begins with the client: nobody may have said anything.
      if (i + 1 < count) throw malformed("bytes behind its answer");
      return true;
    }
    return false;
  }

  /** The proxy has ended the connection before its answer. */
  ended(): BerthError {
    if (this.#answer.length > 0) return malformed("it ended in the middle of its answer");
    return new BerthError("proxy-refused", `${this.name} closed the connection`);
  }

  #judge(): void {
    let head: string;
    try {
      head = this.#text.decode(Uint8Array.from(this.#answer));
    } catch {
      throw malformed("its answer is no text");
    }
    const [status = "", ...lines] = head.split("\r\n");
    const code = httpStatus(status, "HTTP/1.1") ?? httpStatus(status, "HTTP/1.0");
    if (code === undefined) throw malformed(shown(status));
    if (code >= 200 && code < 300) return;
    const details = { status: code };
    if (code !== 407) throw new BerthError("proxy-refused", `${this.name}: ${shown(status)}`, details);
    throw new BerthError("proxy-authentication", `${this.name}: ${this.#wants(lines)}`, details);
  }

  #wants(lines: readonly string[]): string {
    const asking = lines.filter((line) => lowerCase(line).startsWith(CHALLENGE));
    const schemes = asking
      .map((line) => leading(line.slice(CHALLENGE.length).trim(), ALPHANUMERIC, "_-"))
      .filter((scheme) => scheme !== "");
    const given = this.#proxy.credentials !== "";
    if (schemes.length > 0 && !schemes.some((scheme) => lowerCase(scheme) === "basic")) {
      return `it asks for ${shown(schemes.join(", "))}; only Basic is spoken here`;
    }
    return given ? "it refuses those that are given" : "none are given; write http://USER:PASSWORD@HOST:PORT";
  }
}

function malformed(about: string): BerthError {
  return new BerthError("proxy-malformed", about);
}

function endsHead(bytes: readonly number[]): boolean {
  const { length } = bytes;
  return (
    length >= 4 &&
    bytes[length - 1] === LF &&
    bytes[length - 2] === CR &&
    bytes[length - 3] === LF &&
    bytes[length - 4] === CR
  );
}
