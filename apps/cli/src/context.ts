import { randomUUID } from "node:crypto"
import type { Command } from "commander"
import * as z from "zod"
import { createHostClient, type HostClient } from "./host-client.ts"
import { createOutput, type Output } from "./output.ts"

const globalOptions = z.object({ url: z.string(), headerFile: z.string(), json: z.boolean().default(false) })

/** The host's API and the output, for every command that asks the host. */
export interface CommandContext {
  readonly host: HostClient
  readonly output: Output
}

/** Reads the options that all commands share. */
export function contextOf(command: Command): CommandContext {
  const { url, headerFile, json } = globalOptions.parse(command.optsWithGlobals())
  const output = createOutput(json)
  return { host: createHostClient({ url, headerFile, warn: output.warn }), output }
}

/** Makes the header of a creation, so that a repeated request creates once. */
export function creationHeaders(): Record<string, string> {
  return { "idempotency-key": randomUUID() }
}

/** Builds the path of a tenant's resource; each part is one segment. */
export function tenantPath(tenantId: string, ...segments: readonly string[]): string {
  return ["/v1/tenants", ...[tenantId, ...segments].map(encodeURIComponent)].join("/")
}
