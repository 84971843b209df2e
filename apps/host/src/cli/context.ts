import { randomUUID } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { text } from "node:stream/consumers"
import type { Command } from "commander"
import { z } from "zod"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { createHostClient, type HostClient } from "./host-client.ts"
import { createOutput, type Output } from "./output.ts"

const globalOptions = z.object({ url: z.url(), headerFile: z.string(), json: z.boolean().default(false) })

/** What every command that asks the host works with. */
export interface CommandContext {
  readonly host: HostClient
  readonly output: Output
}

/** Reads the options that all commands share. */
export function contextOf(command: Command): CommandContext {
  const { url, headerFile, json } = globalOptions.parse(command.optsWithGlobals())
  return { host: createHostClient({ url, headerFile }), output: createOutput(json) }
}

/** A header for a creation, so that a repeated request creates once. */
export function creationHeaders(): Record<string, string> {
  return { "idempotency-key": randomUUID() }
}

/** Path of a tenant's resource; each part is one segment. */
export function tenantPath(tenantId: string, ...segments: readonly string[]): string {
  return ["/v1/tenants", ...[tenantId, ...segments].map(encodeURIComponent)].join("/")
}

/** Reads a file, or standard input for `-`. */
export async function readInput(file: string): Promise<string> {
  if (file === "-") return text(process.stdin)
  try {
    return await readFile(file, "utf8")
  } catch (cause) {
    throw new CliError(exitCodes.usage, `${file} cannot be read: ${messageOf(cause)}`, "Check the path.")
  }
}

/** Reads a JSON document from a file, or from standard input for `-`. */
export async function readJson(file: string): Promise<unknown> {
  const content = await readInput(file)
  try {
    return JSON.parse(content)
  } catch {
    throw new CliError(exitCodes.usage, `${file} holds no JSON.`, "Check the file with `jq . FILE`.") // its words could quote a secret
  }
}

/** Writes a new file that only its owner can read, or refuses when it is there. */
export async function writeNewFile(file: string, content: string | Uint8Array | AsyncIterable<string>): Promise<void> {
  try {
    await writeFile(file, content, { flag: "wx", mode: 0o600 })
  } catch (cause) {
    throw new CliError(exitCodes.usage, `${file} cannot be written: ${messageOf(cause)}`, "Choose another path.")
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "unknown reason"
}
