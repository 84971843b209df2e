import { readFile, stat } from "node:fs/promises"
import { resolve } from "node:path"
import * as z from "zod"
import type { Path } from "./yaml-tree.ts"

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of an environment variable")
const credentialName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "expected the name of a credential")

/** Notation of a value that the profile does not contain. A mapping with the key `source` is always a reference. */
export const referenceSchema = z.discriminatedUnion("source", [
  z.strictObject({ source: z.literal("env"), env: environmentName }),
  z.strictObject({ source: z.literal("file"), file: z.strictObject({ path: z.string().min(1).max(4096) }) }),
  z.strictObject({ source: z.literal("credential"), credential: credentialName }),
])

/** A reference as the profile writes it. */
export type Reference = z.infer<typeof referenceSchema>

/** A reference and its place. */
export interface PlacedReference {
  readonly path: Path
  readonly reference: Reference
}

/** Largest file that a reference may name, in bytes. */
const mostFileBytes = 65_536

/** Tells whether a value of the parsed profile is meant as a reference, sound or not. */
export function isReferenceLike(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "source")
}

/** Names a value that came from a reference in a message, without showing it. */
export function nameReference(reference: Reference): string {
  if (reference.source === "env") return `environment variable ${reference.env}`
  return reference.source === "file" ? `file ${reference.file.path}` : `credential ${reference.credential}`
}

/** A value, or why there is none (a sentence that does not carry the value). */
export type Resolution = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string }

/**
 * Reads the value of an `env` or `file` reference. The result is text and is never parsed. A file is read relative to
 * `folder` and must be UTF-8 of at most 64 KiB; one line end at its end is removed.
 */
export async function resolveReference(
  reference: Exclude<Reference, { source: "credential" }>,
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Resolution> {
  if (reference.source === "env") {
    const text = environment[reference.env]
    if (text !== undefined && text !== "") return { ok: true, text }
    return { ok: false, message: `the environment variable ${reference.env} is not set or empty` }
  }
  return resolveFile(reference.file.path, resolve(folder, reference.file.path))
}

async function resolveFile(shownPath: string, path: string): Promise<Resolution> {
  const refuse = (why: string): Resolution => ({ ok: false, message: `the file ${shownPath} ${why}` })
  try {
    const facts = await stat(path)
    if (!facts.isFile()) return refuse("is not a regular file")
    if (facts.size > mostFileBytes) return refuse(`is larger than ${mostFileBytes} bytes`)
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path)).replace(/\r?\n$/, "")
    return text === "" ? refuse("is empty") : { ok: true, text }
  } catch (error) {
    return refuse(fileFault(error))
  }
}

/** Says why a file could not be read, as the end of a sentence. */
export function fileFault(error: unknown): string {
  if (error instanceof TypeError) return "is not UTF-8 text"
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist"
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user"
  if (code === "EISDIR") return "is a folder"
  return `cannot be read (${typeof code === "string" ? code : "unknown fault"})`
}
