import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { JsonObject } from "@bufbuild/protobuf"
import type * as z from "zod"

/**
 * Reads a value of the plugin interface that came as a Struct.
 *
 * @throws {PluginError} INVALID_REQUEST - it does not have the shape
 */
export function readStruct<Wanted>(shape: z.ZodType<Wanted>, value: unknown): Wanted {
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  throw pluginError(
    "INVALID_REQUEST",
    "The request does not have the shape that the plugin interface defines.",
    "Use versions of host and plugin that belong together.",
    { origin: "host" },
  )
}

/** Copies members into a Struct. protobuf-es types a Struct as mutable and never changes it. */
export function toStruct(members: object): JsonObject {
  const copy: Record<string, JsonValue> = { ...members }
  return copy as JsonObject
}
