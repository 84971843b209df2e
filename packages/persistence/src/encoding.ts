import { Buffer } from "node:buffer"
import type * as z from "zod"
import { persistenceError } from "./errors.ts"

/** Bytes as they are stored. */
export function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url")
}

/** Bytes as they were given; a copy of its own. */
export function decodeBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64url"))
}

/**
 * Reads a JSON column.
 * @throws {PersistenceError} DATABASE_CORRUPT - it does not hold what this program writes there
 */
export function decodeJson<Schema extends z.ZodType>(schema: Schema, text: string, column: string): z.output<Schema> {
  const result = schema.safeParse(parseJson(text, column))
  if (!result.success) throw persistenceError("DATABASE_CORRUPT", `A stored value of ${column} has an unknown shape.`)
  return result.data
}

function parseJson(text: string, column: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the text: it is not passed on.
    throw persistenceError("DATABASE_CORRUPT", `A stored value of ${column} is not JSON.`)
  }
}
