import type { CallOptions, PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { unexpectedAnswer } from "./errors.ts"
import { lookUpToken, type Token, tokenOf } from "./login.ts"
import type { Wire } from "./wire.ts"

const renewRequest = {
  method: "POST",
  path: "auth/token/renew-self",
  body: Buffer.from("{}"),
  repeatable: true,
} as const

/**
 * Asks OpenBao to renew a token.
 * @returns the renewed token; `"not renewable"` when OpenBao never renews it; `"denied"` when its policies do not allow
 * it to renew itself; `"unknown"` when OpenBao does not know it
 */
export async function requestRenewal(
  token: Token,
  wire: Wire,
  call: CallOptions,
): Promise<Token | "not renewable" | "denied" | "unknown"> {
  const answer = await wire.send(renewRequest, token.value, call)
  if (answer.status === 200) return tokenOf(answer)
  // "lease is not renewable", "batch tokens cannot be renewed"
  if (answer.status === 400) return "not renewable"
  if (answer.status !== 403) throw unexpectedAnswer(answer)
  return (await lookUpToken(token.value, wire, call)) === "unknown" ? "unknown" : "denied"
}

/** Makes the error for a token whose policies do not allow it to renew itself. */
export function renewalDenied(): PluginError {
  return pluginError(
    "DENIED",
    "The token's policies do not allow it to renew itself.",
    'Grant "update" on auth/token/renew-self, or attach the default policy.',
  )
}
