import { Buffer } from "node:buffer"
import type * as z from "zod"
import { persistenceError } from "./errors.ts"

/** Encodes bytes for storage: base64url. */
export function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url")
}

/** Decodes stored bytes into a new array. */
export function decodeBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64url"))
}

/**
 * Reads a JSON column.
 * @throws {PersistenceError} DATABASE_CORRUPT - it contains something that this program does not write there
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
    // The parser's message quotes the text, so it is dropped.
    throw persistenceError("DATABASE_CORRUPT", `A stored value of ${column} is not JSON.`)
  }
}
