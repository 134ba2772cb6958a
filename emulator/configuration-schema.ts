// SPDX-License-Identifier: MIT
/** The configuration document for editors, which complete and check it as it is written. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { CONFIGURATION } from "./configuration-reader";

/**
 * JSON Schema, draft 7. It takes every document that the reader takes; what only code can check (certificates, names
 * that must agree) is left to the reader.
 */
export function configurationSchema(): object {
  return toJsonSchema(CONFIGURATION, {
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (valibotSchema.type === "custom") return { type: "object" };
      if (valibotSchema.type !== "strict_object") return undefined;
      const { properties = {}, required = [] } = jsonSchema;
      const { ignored } = valibotSchema as typeof valibotSchema & { ignored: readonly string[] | "all" };
      // The reader takes null as absent.
      for (const [key, property] of Object.entries(properties))
        if (!required.includes(key)) properties[key] = { anyOf: [property, { type: "null" }] };
      if (ignored !== "all") for (const key of ignored) properties[key] = {};
      return { ...jsonSchema, properties, additionalProperties: ignored === "all" };
    },
  });
}
