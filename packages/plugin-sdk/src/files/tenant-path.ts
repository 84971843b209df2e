import { isPluginError } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { pluginError } from "../errors/error-facts.ts"

/**
 * Makes the schema of a path in a keystore configuration: 1 to 4,096 characters, none of them a control character. It
 * names a file below the tenant's own folder: read it only with `services.files.read`, which applies the other rules.
 */
export function tenantPath() {
  return z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !/\p{Cc}/u.test(path), { error: "must not contain control characters" })
}

/** Adds to an error the configuration field that names the file, which the reader of files does not know. */
export function fileError(error: unknown, field: string): unknown {
  if (!(isPluginError(error) && error.code === "INVALID_REQUEST")) return error
  const message = error.message.replace("A file that the configuration names", `The file that ${field} names`)
  return pluginError("INVALID_REQUEST", message, error.nextStep)
}
