// SPDX-License-Identifier: MIT
/** What the emulator's APIs for services read beyond JSON. It runs on Node only. */
import { parseQuery, QueryError, valueAt } from "../../../emulator/service/hub/query-language";
import { must, type Target, textOf } from "./target";

const DEVICE = { deviceId: "a", status: "enabled", tags: { a: 1, b: "b", c: null }, properties: {} };

export const emulatorQuery: Target = {
  memory: 0,
  run(bytes, text) {
    try {
      const { select, where, top } = parseQuery(textOf(bytes, text));
      return JSON.stringify([select.kind, where((path) => valueAt(DEVICE, path)), top]);
    } catch (error) {
      must(error instanceof QueryError, `throws ${String(error)}`);
      must(error.message.length <= 8192, `a message of ${error.message.length} characters`);
      return error.message;
    }
  },
  tokens: [
    "SELECT ",
    " FROM devices",
    " WHERE ",
    " AND ",
    " OR ",
    "NOT ",
    " IN [",
    " AS a",
    "TOP 3 ",
    "COUNT()",
    "AVG(tags.a)",
    "IS_DEFINED(tags.a)",
    "STARTSWITH(tags.b,'b')",
    "tags.['a']",
    "[[a]]",
    "'b'",
    "1e3",
    "null",
    ">=",
    "(",
    ")",
    "]",
    ",",
    "*",
  ],
};
