// SPDX-License-Identifier: MIT
import * as v from "valibot";
import { object, text } from "../../shapes";

/** The body of every query of DPS, which knows no conditions in these versions of the API. */
export const QUERY_BODY = object(
  {
    query: v.pipe(
      text(4096),
      v.regex(/^\s*select\s+\*(\s+from\s+\w+)?\s*;?\s*$/i, "must be: SELECT * (nothing else is served)"),
    ),
  },
  "all",
);
