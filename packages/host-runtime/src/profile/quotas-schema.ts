import * as z from "zod"

const quota = (description: string, usual: number, most: number) =>
  z.int().min(1).max(most).default(usual).meta({ description })

/** Bounds of everything that one tenant may store. */
export const quotasSchema = z.strictObject({
  keystores: quota("Keystores of one tenant.", 50, 10_000),
  serviceKeys: quota("Service keys of one tenant, each version.", 1000, 100_000),
  tokens: quota("Tokens of one tenant that are neither revoked nor expired.", 200, 100_000),
  configurationBytes: quota(
    "Bytes of all keystore configurations of one tenant, with their sealed secrets.",
    2 * 1024 * 1024,
    1024 * 1024 * 1024,
  ),
  idempotencyKeys: quota(
    "Idempotency keys of one tenant that are kept at once; each is kept for a day.",
    2000,
    1_000_000,
  ),
})
