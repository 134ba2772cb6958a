// SPDX-License-Identifier: MIT
/** Name constraints, RFC 5280 sections 4.2.1.10 and 6.1.3 (b), (c): kept, broken, and such as must not be. */
import type { HostileCase } from "../helpers/hostile-case";
import { element, Extension, Name, type Profile } from "../helpers/hostile-certificates";
import type { Verdict } from "../helpers/hostile-client";
import { authority, HOST, leafBelow, served } from "../helpers/hostile-pki";

const works: Verdict = { kind: "works" };
const untrusted: Verdict = { kind: "refused", code: "tls-untrusted" };
const ADDRESS = "127.0.0.1";

function extension(value: Buffer, critical = false): Extension {
  return new Extension("2.5.29.30", critical, value);
}

/** A GeneralName. */
const dns = (name: string): Buffer => element(0x82, Buffer.from(name, "latin1"));
const mail = (name: string): Buffer => element(0x81, Buffer.from(name));
const address = (...bytes: readonly number[]): Buffer => element(0x87, Buffer.from(bytes));
const directory = (commonName: string): Buffer =>
  element(0xa4, Buffer.from(new Name([{ CN: [commonName] }]).toArrayBuffer()));

interface Subtrees {
  readonly permitted?: readonly Buffer[];
  readonly excluded?: readonly Buffer[];
}

function list(tag: number, bases: readonly Buffer[] | undefined): Buffer {
  if (bases === undefined) return Buffer.alloc(0);
  return element(tag, Buffer.concat(bases.map((base) => element(0x30, base))));
}

function constraints({ permitted, excluded }: Subtrees, critical = false): Extension {
  const value = element(0x30, Buffer.concat([list(0xa0, permitted), list(0xa1, excluded)]));
  return extension(value, critical);
}

/** A leaf, with `changes`, below an intermediate with `constraint`. */
function below(
  name: string,
  verdict: Verdict,
  constraint: Extension,
  changes: Partial<Profile> = {},
  host?: string,
): HostileCase {
  return {
    name,
    verdict,
    ...(host === undefined ? {} : { host }),
    plan: async ({ root }) => {
      const between = await authority("Berth Constrained Issuer", root, { more: [constraint] });
      return served(await leafBelow(between, changes), between);
    },
  };
}

/** As above, by what is permitted and excluded. */
function bound(
  name: string,
  verdict: Verdict,
  subtrees: Subtrees,
  changes: Partial<Profile> = {},
  host?: string,
): HostileCase {
  return below(`name constraints: ${name}`, verdict, constraints(subtrees), changes, host);
}

function malformed(name: string, hex: string): HostileCase {
  return below(`name constraints: ${name}`, untrusted, extension(Buffer.from(hex, "hex")));
}

const numbered: Partial<Profile> = { addresses: [ADDRESS] };

/** What must work. */
export const keptConstraintCases: readonly HostileCase[] = [
  bound("the name itself is permitted", works, { permitted: [dns(HOST)] }),
  bound("its domain is permitted, in capitals", works, {
    permitted: [dns("other.example"), dns("BERTH.example")],
  }),
  bound("a domain with a leading dot is permitted", works, { permitted: [dns(".berth.example")] }),
  bound("another name is excluded", works, {
    excluded: [dns("other.example"), dns("not-hub.berth.example")],
  }),
  bound("what is excluded only ends like the name", works, { excluded: [dns("ub.berth.example")] }),
  bound("a name below it is excluded", works, { excluded: [dns(`eu.${HOST}`)] }),
  bound(
    "a wildcard within what is permitted",
    works,
    { permitted: [dns("berth.example")] },
    { names: ["*.berth.example"] },
  ),
  bound(
    "a wildcard beside what is excluded",
    works,
    { excluded: [dns("a.b.berth.example")] },
    { names: ["*.berth.example"] },
  ),
  bound("all addresses are excluded, a name is asked for", works, {
    excluded: [address(0, 0, 0, 0, 0, 0, 0, 0), address(...new Array<number>(32).fill(0))],
  }),
  bound("mail is bound, the leaf has none", works, { permitted: [mail("other.example")] }),
  bound("its subject is permitted", works, { permitted: [directory("other"), directory(HOST)] }),
  bound(
    "its address is permitted",
    works,
    { permitted: [address(127, 0, 0, 0, 255, 0, 0, 0)] },
    numbered,
    ADDRESS,
  ),
  bound(
    "another address is excluded",
    works,
    { excluded: [address(127, 0, 0, 2, 255, 255, 255, 255)] },
    numbered,
    ADDRESS,
  ),
  below(
    "name constraints: critical and kept",
    works,
    constraints({ permitted: [dns("berth.example")] }, true),
  ),
];

/** What must not. */
export const brokenConstraintCases: readonly HostileCase[] = [
  bound("another name is permitted", untrusted, { permitted: [dns("other.example")] }),
  below(
    "name constraints: another name is permitted, critical",
    untrusted,
    constraints({ permitted: [dns("other.example")] }, true),
  ),
  bound("a longer name is permitted", untrusted, { permitted: [dns(`eu.${HOST}`)] }),
  bound("what is permitted only ends like the name", untrusted, { permitted: [dns("ub.berth.example")] }),
  bound("only names below it are permitted", untrusted, { permitted: [dns(`.${HOST}`)] }),
  bound("the name itself is excluded", untrusted, { excluded: [dns(HOST)] }),
  bound("its domain is excluded, in capitals", untrusted, { excluded: [dns("Berth.Example")] }),
  bound("every name is excluded", untrusted, { excluded: [dns("")] }),
  bound("permitted and excluded", untrusted, { permitted: [dns("berth.example")], excluded: [dns(HOST)] }),
  bound(
    "a second name of the leaf is not permitted",
    untrusted,
    { permitted: [dns("berth.example")] },
    { names: [HOST, "other.example"] },
  ),
  // A wildcard stands for all its names, so for those that are excluded, too.
  bound(
    "a wildcard for the name that is excluded",
    untrusted,
    { excluded: [dns(HOST)] },
    { names: ["*.berth.example"] },
  ),
  bound(
    "a wildcard for another name that is excluded",
    untrusted,
    { excluded: [dns("secret.berth.example")] },
    { names: ["*.berth.example"] },
  ),
  bound(
    "a wildcard for more than is permitted",
    untrusted,
    { permitted: [dns(HOST)] },
    { names: ["*.berth.example"] },
  ),
  bound("its subject is not permitted", untrusted, { permitted: [directory("other")] }),
  bound("its subject is excluded", untrusted, { excluded: [directory(HOST)] }),
  bound(
    "its mail is not permitted",
    untrusted,
    { permitted: [mail("berth.example")] },
    { mail: ["admin@other.example"] },
  ),
  bound(
    "another address is permitted",
    untrusted,
    { permitted: [address(127, 0, 0, 2, 255, 255, 255, 255)] },
    numbered,
    ADDRESS,
  ),
  bound(
    "an address of IPv6 is permitted",
    untrusted,
    { permitted: [address(...new Array<number>(32).fill(0))] },
    numbered,
    ADDRESS,
  ),
  bound(
    "its address is excluded",
    untrusted,
    { excluded: [address(127, 0, 0, 0, 255, 0, 0, 0)] },
    numbered,
    ADDRESS,
  ),
  {
    name: "name constraints: of the CA above the next one",
    verdict: untrusted,
    plan: async ({ root }) => {
      const first = await authority("Berth Constrained Issuer", root, {
        more: [constraints({ excluded: [dns("berth.example")] })],
      });
      const second = await authority("Berth Second Issuer", first);
      return served(await leafBelow(second), second, first);
    },
  },
  {
    name: "name constraints: the CA above permits another subject than the next one's",
    verdict: untrusted,
    plan: async ({ root }) => {
      const first = await authority("Berth Constrained Issuer", root, {
        more: [constraints({ permitted: [directory(HOST)] })],
      });
      const second = await authority("Berth Second Issuer", first);
      return served(await leafBelow(second), second, first);
    },
  },
  {
    name: "name constraints: of the root",
    verdict: untrusted,
    roots: ({ boundRoot }) => [boundRoot],
    plan: async ({ boundRoot }) => served(await leafBelow(boundRoot)),
  },
  malformed("no sequence", "0500"),
  malformed("nothing", ""),
  malformed("an empty sequence", "3000"),
  malformed("an empty list", "3002a000"),
  malformed(
    "an empty list after a good one",
    `3015a011300f820d${Buffer.from("berth.example").toString("hex")}a100`,
  ),
  malformed(
    "the lists in the wrong order",
    `301ca106300482026162a0123010820e${Buffer.from(".berth.example").toString("hex")}`,
  ),
  malformed("cut short", `3013a011300f820d${Buffer.from("berth").toString("hex")}`),
  malformed("a subtree without a base", "3004a0023000"),
  malformed("a minimum", `3016a0143012820d${Buffer.from("berth.example").toString("hex")}800101`),
  malformed("a maximum", `3016a0143012820d${Buffer.from("berth.example").toString("hex")}810101`),
  malformed("an address of five bytes", "300ba109300787050a000000ff"),
  malformed("a name with a zero byte", `3014a0123010820e${Buffer.from("berth.example\0").toString("hex")}`),
  malformed("bytes behind the end", `3013a011300f820d${Buffer.from("berth.example").toString("hex")}0500`),
  ...[true, false].map(
    (critical): HostileCase => ({
      name: `name constraints: on the leaf${critical ? ", critical" : ""}`,
      verdict: untrusted,
      plan: async ({ intermediate }) => {
        const more = [constraints({ permitted: [dns("berth.example")] }, critical)];
        return served(await leafBelow(intermediate, { more }), intermediate);
      },
    }),
  ),
];
