// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { sha1 } from "../../../src/mqtt/sha1";
import { hex } from "../../helpers/bytes";
import { nodeText } from "../../../simulator/virtual-host";

/** FIPS 180, appendix A and the examples of NIST; around the lengths at which the padding takes another block. */
test.each([
  ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
  ["a".repeat(55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"],
  ["a".repeat(56), "c2db330f6083854c99d4b5bfb6e8f29f201be699"],
  ["a".repeat(64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"],
  ["a".repeat(1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"],
])("%j", (message, digest) => {
  expect(sha1(nodeText.encode(message))).toEqual(hex(digest));
});
