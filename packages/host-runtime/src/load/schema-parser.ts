import type { ConfigurationParser, JsonSchema } from "@apeiro-cmk/plugin-interface"
import { parseConfiguration } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

/** Makes a parser of a JSON Schema. What the schema cannot express is checked by the plugin's process when it is used. */
export function parserOfSchema(schema: JsonSchema): ConfigurationParser<unknown> {
  const parser = z.fromJSONSchema(schema)
  return { parse: (input) => parseConfiguration(parser, input) }
}
