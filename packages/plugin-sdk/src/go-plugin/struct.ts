import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import type { JsonObject } from "@bufbuild/protobuf"
import type * as z from "zod"
import { pluginError } from "../error-facts.ts"

/**
 * Reads a value of the plugin interface that came as a Struct.
 *
 * @throws {PluginError} INVALID_REQUEST - it is not of the shape
 */
export function readStruct<Wanted>(shape: z.ZodType, value: unknown): Wanted {
  const parsed = shape.safeParse(value)
  // What zod leaves out is not there at all, as the interface's exact types want it.
  if (parsed.success) return parsed.data as Wanted
  const next = "Use versions of host and plugin that belong together."
  throw pluginError("INVALID_REQUEST", "The request is not what the interface says.", next, { origin: "host" })
}

/** Members as a Struct. protobuf-es types them as changeable and never changes them. */
export function toStruct(members: object): JsonObject {
  const copy: Record<string, JsonValue> = { ...members }
  return copy as JsonObject
}
