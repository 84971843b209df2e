import { z } from "zod"

/**
 * A path in a keystore configuration: 1 to 4,096 characters, none of them a control character. It names a file below the
 * tenant's own folder: read it with `services.files.read`, which holds the rest of the rules, and never by yourself.
 */
export function tenantPath() {
  return z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !/\p{Cc}/u.test(path), { error: "must not contain control characters" })
}
