import { createSecretKey, type KeyObject } from "node:crypto"
import * as z from "zod"
import { invalidKeyFile } from "./errors.ts"

/** Length of an AES-256 key, in bytes. */
export const keyLength = 32

/** One version of a key. */
export interface KeyVersion {
  readonly material: KeyObject
  readonly createdAtMs: number
}

/** A named key; version n is element n - 1. */
export interface StoredKey {
  readonly enabled: boolean
  readonly versions: readonly KeyVersion[]
}

/** The content of a key file. */
export interface KeyFileContent {
  /** Random, generated with the file: tells two key files apart, whatever their names. */
  readonly fileId: string
  readonly keys: ReadonlyMap<string, StoredKey>
}

const format = "apeiro-cmk/local-keystore/v1"
const document = z.strictObject({
  format: z.literal(format),
  fileId: z.string().regex(/^[0-9a-f]{32}$/),
  keys: z.record(
    z.string(),
    z.strictObject({
      enabled: z.boolean(),
      versions: z.array(z.strictObject({ createdAtMs: z.number(), material: z.base64().length(44) })).min(1),
    }),
  ),
})

/**
 * Reads the text of a key file.
 * @throws {PluginError} INVALID_REQUEST - not a key file; the error repeats nothing of the text
 */
export function parseKeyFile(text: string): KeyFileContent {
  const parsed = document.safeParse(jsonOf(text))
  if (!parsed.success) throw invalidKeyFile()
  const { fileId, keys } = parsed.data
  const stored = Object.entries(keys).map(([name, { enabled, versions }]) => {
    const opened = versions.map(({ createdAtMs, material }) => ({ createdAtMs, material: keyOf(material) }))
    return [name, { enabled, versions: opened }] as const
  })
  return { fileId, keys: new Map(stored) }
}

/** Writes the text of a key file. */
export function renderKeyFile({ fileId, keys }: KeyFileContent): string {
  const stored = [...keys].map(([name, { enabled, versions }]) => [
    name,
    {
      enabled,
      versions: versions.map(({ createdAtMs, material }) => ({
        createdAtMs,
        material: material.export().toString("base64"),
      })),
    },
  ])
  return `${JSON.stringify({ format, fileId, keys: Object.fromEntries(stored) }, undefined, 2)}\n`
}

/** Turns bytes into a key, and fills them with zeros. */
export function takeKey(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

function keyOf(material: string): KeyObject {
  const bytes = Buffer.from(material, "base64")
  if (bytes.length !== keyLength) throw invalidKeyFile()
  return takeKey(bytes)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the parser's message would quote the file; the schema refuses `undefined`
  }
}
