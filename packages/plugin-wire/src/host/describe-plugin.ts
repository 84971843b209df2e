import { status } from "@grpc/grpc-js"
import { Plugin } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { WireError } from "../wire/wire-error.ts"
import { connectPlugin, type PluginConnectionOptions } from "./connect-plugin.ts"
import { PluginProcessError } from "./process-error.ts"

const describeTimeoutMs = 5_000

/**
 * Starts an executable, asks it what it is, and ends it again; it is not configured.
 *
 * @returns the manifest as it came, not validated, or `undefined` when the plugin serves upstream's services only
 * @throws {PluginProcessError} it cannot be started, or serves something else
 */
export async function describePlugin(options: Omit<PluginConnectionOptions, "yamlConfiguration">): Promise<unknown> {
  const connection = await connectPlugin(options)
  try {
    const bounds = { deadlineMs: Date.now() + describeTimeoutMs, signal: AbortSignal.timeout(2 * describeTimeoutMs) }
    const { json } = await connection.call(Plugin.method.describe, {}, bounds)
    return JSON.parse(json)
  } catch (error) {
    if (error instanceof WireError && error.code === status.UNIMPLEMENTED) return undefined
    const message = `${options.path}: It does not state its manifest.`
    throw new PluginProcessError(message, connection.lastLines(), { cause: error })
  } finally {
    await connection.close()
  }
}
