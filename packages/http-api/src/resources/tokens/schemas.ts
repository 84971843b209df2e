import * as z from "zod"
import { moment } from "../../fields.ts"

const role = z.enum(["reader", "administrator", "workload"])

/** Longest life of a token, in seconds: a year. */
export const longestLifeSeconds = 366 * 24 * 3600

/** A new token of a tenant. */
export const tokenDocument = z
  .strictObject({
    role,
    expires_in_seconds: z
      .int()
      .min(1)
      .max(longestLifeSeconds)
      .optional()
      .meta({ description: "Life of the token in seconds; 30 days when neither expiry is given" }),
    expires_at: moment.optional().meta({ description: "Expiry of the token; at most a year from now" }),
  })
  .refine((document) => document.expires_in_seconds === undefined || document.expires_at === undefined, {
    error: "must have expires_in_seconds or expires_at, not both",
  })
  .meta({ id: "TokenDocument" })

/** A token without its secret, which is shown once. */
export const tokenAnswer = z
  .strictObject({
    token_id: z.string(),
    role,
    created_at: moment,
    expires_at: moment,
    revoked_at: moment.optional(),
  })
  .meta({ id: "Token" })

/** A new token, with its secret. */
export const createdToken = z
  .strictObject({
    ...tokenAnswer.shape,
    token: z
      .string()
      .optional()
      .meta({ description: "The bearer token, shown once: a repeated request with the same Idempotency-Key lacks it" }),
  })
  .meta({ id: "CreatedToken" })

/** All tokens of a tenant. */
export const tokenList = z.strictObject({ tokens: z.array(tokenAnswer) }).meta({ id: "TokenList" })
