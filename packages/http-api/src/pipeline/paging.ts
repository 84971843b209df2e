import * as z from "zod"
import { invalidRequest } from "../errors.ts"

/** Reads the largest number of entries that a caller wants at once. */
export const limitUpTo = (most: number) =>
  z.coerce.number().int().min(1).max(most).default(100).meta({ description: "Largest number of entries in the answer" })

/** Selects a part of a list. */
export const pageQuery = z.strictObject({
  limit: limitUpTo(500),
  cursor: z
    .string()
    .max(1024)
    .optional()
    .meta({ description: "Where to continue, from the `Link` header of the part before; opaque" }),
})

/** Headers of every list. */
export const pageHeaders = {
  Link: 'RFC 8288: `<?limit=...&cursor=...>; rel="next"` leads to the next part; absent with the last one',
}

/**
 * Reads the place that a cursor names.
 * @param position - the form of a place in this list
 * @throws {HttpApiError} INVALID_REQUEST - no cursor of such a list
 */
export function positionOf<Position>(cursor: string, position: z.ZodType<Position>): Position {
  const bytes = Buffer.from(cursor, "base64url")
  const read = bytes.toString("base64url") === cursor ? position.safeParse(jsonOf(bytes)) : undefined
  if (read?.success === true) return read.data
  throw invalidRequest("The cursor is not valid.", [
    { path: ["cursor"], message: "must be the cursor of a `Link` header of this list" },
  ])
}

/** Makes the header that leads to what follows a place. */
export function nextLink(limit: number, position: unknown): { readonly Link: string } {
  const cursor = Buffer.from(JSON.stringify(position)).toString("base64url")
  return { Link: `<?limit=${limit}&cursor=${cursor}>; rel="next"` }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch {
    return undefined
  }
}
