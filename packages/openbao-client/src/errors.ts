import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs } from "@apeiro-cmk/plugin-sdk"
import type { OpenBaoAnswer } from "./answer.ts"

const longestQuote = 200

/**
 * Quotes an answer for the `cause` of an error. The text is the server's, and a hostile one may send back what it was
 * sent: each run of characters that could be a credential or key material is cut out.
 */
export function quotedAnswer(answer: OpenBaoAnswer): Error {
  const plain = (answer.errors ?? [])
    .join("; ")
    .slice(0, 10 * longestQuote)
    .replace(/[^\P{C}]+/gu, " ")
    .replace(/[A-Za-z0-9+/=_.~,-]{16,}/g, "...")
    .slice(0, longestQuote)
  return new Error(plain === "" ? `OpenBao answered ${answer.status}` : `OpenBao answered ${answer.status}: ${plain}`)
}

/** The answer has no meaning here: never guessed at. */
export function unexpectedAnswer(answer: OpenBaoAnswer): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    `OpenBao gave an answer that is not understood (HTTP ${answer.status}).`,
    "Check that vault_address leads to OpenBao itself, and its version; the cause has OpenBao's words.",
    { cause: quotedAnswer(answer) },
  )
}

/** What came back is no answer of OpenBao at all. */
export function notOpenBao(status: number): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    `What is at vault_address does not answer like an OpenBao server (HTTP ${status}).`,
    "Check vault_address, with its scheme, port and path: another server or a proxy answers there.",
  )
}

/** Meanings of a status that hold for every request, whatever it asked. Source: OpenBao 2.7.2 as run, and its API documentation. */
export function statusError(status: number, headers: Readonly<Record<string, string>>): PluginError | undefined {
  if (status === 429) {
    const waitMs = retryAfterMs(headers)
    return pluginError(
      "THROTTLED",
      "OpenBao's rate limit is exceeded.",
      "Raise the rate limit quota of the mount in OpenBao, or lengthen the tenant's lease.",
      waitMs === undefined ? {} : { retryAfterMs: waitMs },
    )
  }
  if (status >= 300 && status < 400) {
    return pluginError(
      "UNREACHABLE",
      `OpenBao redirects (HTTP ${status}) instead of answering.`,
      "Point vault_address at the active node or at a load balancer that leads to it; redirects are not followed.",
      { origin: "backend" },
    )
  }
  if (status === 472 || status === 473 || (status >= 500 && status !== 503)) {
    return failedError(status)
  }
  return undefined
}

/** The server failed, by a status that tells no more. */
export function failedError(status: number): PluginError {
  return pluginError(
    "UNREACHABLE",
    `OpenBao or a proxy in front of it failed (HTTP ${status}).`,
    "Look at OpenBao's server log; service resumes by itself when it answers again.",
    { origin: "backend" },
  )
}

/** 503 from a server that `sys/health` calls sealed. */
export function sealedError(): PluginError {
  return pluginError(
    "SEALED",
    "OpenBao is sealed.",
    "Unseal OpenBao (`bao operator unseal`); service resumes by itself.",
  )
}

/** 503 whose text says that an administrator has locked the namespace (`sys/namespaces/api-lock`). */
export function namespaceLockedError(): PluginError {
  return pluginError(
    "SEALED",
    "An administrator of OpenBao has locked this namespace.",
    "Unlock the namespace (`bao namespace unlock`) if that was not on purpose.",
  )
}

/** 503 from a server that is not sealed: starting, or without a leader. */
export function unavailableError(): PluginError {
  return pluginError(
    "UNREACHABLE",
    "OpenBao is not available (HTTP 503), and is not known to be sealed.",
    "Check that OpenBao has an active node; service resumes by itself.",
    { origin: "backend" },
  )
}

/** The token is unknown to OpenBao: expired, revoked, or never one. */
export function tokenRejected(): PluginError {
  return pluginError(
    "CREDENTIAL_REJECTED",
    "OpenBao does not accept the token.",
    "The token is expired, revoked or of another namespace: issue a new one and store it with the keystore.",
  )
}
