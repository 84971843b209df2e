import {
  type ConfigurationIssue,
  type ErrorOrigin,
  errorOrigins,
  isPluginErrorCode,
  PluginError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import { boundedIssues, pluginError, shownText } from "@apeiro-cmk/plugin-sdk"
import { status } from "@grpc/grpc-js"
import * as z from "zod"
import type { WireError, WireErrorInfo } from "../wire/wire-error.ts"
import { errorDomain } from "./error-domain.ts"

const issuesShape: z.ZodType<readonly ConfigurationIssue[]> = z.array(
  z.object({
    path: z.array(z.union([z.string(), z.number()])),
    message: z.string(),
    allowed: z.array(z.string()).exactOptional(),
  }),
)
const origins: readonly string[] = errorOrigins

/** Writes a plugin's error as text; its cause stays in the process. */
export function infoOf(error: PluginError): WireErrorInfo {
  const { code, message, origin, retryable, nextStep, retryAfterMs } = error
  const metadata = {
    ...{ message, origin, retryable: String(retryable), nextStep },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: String(retryAfterMs) }),
    ...(error.issues === undefined ? {} : { issues: JSON.stringify(error.issues) }),
  }
  return { reason: code, domain: errorDomain, metadata }
}

/**
 * Restores the error of a plugin in another process. An error that the plugin did not throw is a failure of the process:
 * its origin is `plugin`.
 */
export function pluginErrorOf(error: WireError): PluginError {
  const { info } = error
  if (info?.domain === errorDomain && isPluginErrorCode(info.reason)) return restored(info.reason, info.metadata)
  if (error.code === status.DEADLINE_EXCEEDED) {
    return pluginError("TIMED_OUT", "The plugin did not answer in time.", "Look at the plugin's log.", {
      origin: "plugin",
    })
  }
  if (error.code === status.UNAVAILABLE) {
    const next = "Try again: the host restarts it; the host's log has its last lines."
    return pluginError("UNREACHABLE", "The plugin's process is gone.", next, { origin: "plugin", retryable: true })
  }
  const next = "Report this to the maintainers of the plugin."
  return pluginError("INTERNAL", "The plugin failed in a way that it does not declare.", next, { origin: "plugin" })
}

function restored(code: PluginErrorCode, metadata: WireErrorInfo["metadata"]): PluginError {
  const { message = code, nextStep = "", origin = "", retryable, retryAfterMs } = metadata
  const wait = Number(retryAfterMs)
  const listed = issuesOf(metadata.issues)
  return new PluginError(code, shownText(message), {
    origin: isOrigin(origin) ? origin : "plugin",
    retryable: retryable === "true",
    nextStep: shownText(nextStep),
    ...(Number.isFinite(wait) && retryAfterMs !== undefined ? { retryAfterMs: wait } : {}),
    ...(listed === undefined ? {} : { issues: listed }),
  })
}

function isOrigin(text: string): text is ErrorOrigin {
  return origins.includes(text)
}

function issuesOf(json: string | undefined): readonly ConfigurationIssue[] | undefined {
  if (json === undefined) return undefined
  try {
    return boundedIssues(issuesShape.parse(JSON.parse(json)))
  } catch {
    return undefined // the message lists them as well
  }
}
