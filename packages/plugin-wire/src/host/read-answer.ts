import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type * as z from "zod"

/**
 * Reads the answer of a plugin in another process: JSON, which is believed only when it has the shape of the interface.
 *
 * @throws {PluginError} INTERNAL - it does not have the shape
 */
export function readAnswer<Answer>(shape: z.ZodType<Answer>, json: string): Answer {
  try {
    return shape.parse(JSON.parse(json))
  } catch {
    throw pluginError(
      "INTERNAL",
      "The plugin's answer does not have the shape that the plugin interface defines.",
      "Use the version of the plugin that its package states, or report this to its maintainers.",
      { origin: "plugin" },
    )
  }
}
