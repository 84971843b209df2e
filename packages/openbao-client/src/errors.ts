import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs } from "@apeiro-cmk/plugin-sdk"
import type { OpenBaoAnswer } from "./answer.ts"

const longestQuote = 200

/**
 * Quotes an answer for the `cause` of an error. A hostile server may echo what it received, so every run of characters
 * that could be a credential or key material is removed.
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

/** Makes the error for an answer that the error tables do not know; its meaning is never guessed. */
export function unexpectedAnswer(answer: OpenBaoAnswer): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    `OpenBao returned an unexpected answer (HTTP ${answer.status}).`,
    "Check that vault_address leads to OpenBao itself, and check its version; the cause quotes OpenBao.",
    { cause: quotedAnswer(answer) },
  )
}

/** Makes the error for an answer that does not come from OpenBao. */
export function notOpenBao(status: number): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    `The server at vault_address does not answer like an OpenBao server (HTTP ${status}).`,
    "Check the scheme, host, port and path of vault_address: another server or a proxy answers there.",
  )
}

/**
 * Translates a status whose meaning is the same for every request; `undefined` for any other status. Source: OpenBao
 * 2.7.2 as run, and its API documentation.
 */
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
  if (isRedirect(status)) {
    return pluginError(
      "UNREACHABLE",
      `OpenBao redirects (HTTP ${status}) instead of answering.`,
      "Point vault_address at the active node, or at a load balancer in front of it; the client follows no redirects.",
      { origin: "backend" },
    )
  }
  if (status === 472 || status === 473 || (status >= 500 && status !== 503)) {
    return failedError(status)
  }
  return undefined
}

/** Tells whether a status leads to another address. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400
}

/** Makes the error for a status that says no more than that the server failed. */
export function failedError(status: number): PluginError {
  return pluginError(
    "UNREACHABLE",
    `OpenBao or a proxy in front of it failed (HTTP ${status}).`,
    "Check OpenBao's server log; service resumes on its own once OpenBao answers again.",
    { origin: "backend" },
  )
}

/** Makes the error for a 503 of a server that is sealed according to `sys/health`. */
export function sealedError(): PluginError {
  return pluginError(
    "SEALED",
    "OpenBao is sealed.",
    "Unseal OpenBao (`bao operator unseal`); service then resumes on its own.",
  )
}

/** Makes the error for a 503 whose text says that an administrator locked the namespace (`sys/namespaces/api-lock`). */
export function namespaceLockedError(): PluginError {
  return pluginError(
    "SEALED",
    "An administrator of OpenBao has locked this namespace.",
    "Unlock the namespace (`bao namespace unlock`) if it was not locked on purpose.",
  )
}

/** Makes the error for a 503 of a server that is not sealed, but starting or without a leader. */
export function unavailableError(): PluginError {
  return pluginError(
    "UNREACHABLE",
    "OpenBao is not available (HTTP 503), and does not report that it is sealed.",
    "Check that OpenBao has an active node; service then resumes on its own.",
    { origin: "backend" },
  )
}

/** Makes the error for a cluster of which most nodes agree on no leader: no other node is asked for anything. */
export function noActiveNode(): PluginError {
  return pluginError(
    "UNREACHABLE",
    "The nodes of the OpenBao cluster that answer do not agree on an active node, and a standby may not know of a revocation.",
    "Check that most nodes of the cluster run and reach each other, and that vault_address and cluster_addresses name all of them.",
    { origin: "backend" },
  )
}

/** Makes the error for a token that OpenBao does not know: expired, revoked, or never issued. */
export function tokenRejected(): PluginError {
  return pluginError(
    "CREDENTIAL_REJECTED",
    "OpenBao does not accept the token.",
    "The token has expired, was revoked or belongs to another namespace: issue a new one and store it with the keystore.",
  )
}
