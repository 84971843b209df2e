import type { CallOptions, PluginError } from "@apeiro-cmk/plugin-interface"
import { isHeaderValue, pluginError, readText, type SecretSource, unusable } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { OpenBaoAnswer } from "./answer.ts"
import { tokenRejected, unexpectedAnswer } from "./errors.ts"
import type { UnwrappedSecretIds } from "./unwrapped-secret-ids.ts"
import type { Wire } from "./wire.ts"

/** How the client gets its token. Mount paths and roles were checked before: they become part of a URL or a body. */
export type OpenBaoLogin = TokenLogin | AppRoleLogin | WrappedAppRoleLogin | JwtLogin | CertificateLogin

/** A token that somebody else made and stored. */
export interface TokenLogin {
  readonly method: "token"
  readonly token: SecretSource
}

/** AppRole with a secret id at hand. */
export interface AppRoleLogin {
  readonly method: "approle"
  /** Mount of the auth method, e.g. `approle`. */
  readonly mountPath: string
  readonly roleId: string
  readonly secretId: SecretSource
}

/** AppRole whose secret id comes response-wrapped: by a token that opens it once. */
export interface WrappedAppRoleLogin {
  readonly method: "approle"
  readonly mountPath: string
  readonly roleId: string
  readonly wrappedSecretId: SecretSource
  /** Keeps what was unwrapped, since it cannot be unwrapped again. */
  readonly unwrapped: UnwrappedSecretIds
}

/** A signed token of somebody whom OpenBao trusts: a Kubernetes service account's, or any issuer's. */
export interface JwtLogin {
  readonly method: "kubernetes" | "jwt"
  readonly mountPath: string
  readonly role: string
  readonly jwt: SecretSource
}

/** The client certificate of the TLS connection. */
export interface CertificateLogin {
  readonly method: "cert"
  readonly mountPath: string
  /** Without it OpenBao tries every role. */
  readonly role?: string
  /** Fingerprint of the certificate that the next connection will show; it tells a rotated one from a refused one. */
  readonly fingerprint: (call: Pick<CallOptions, "signal">) => Promise<string>
}

/** A token that OpenBao has accepted or made. */
export interface Token {
  readonly value: string
  /** Life from now, in milliseconds; `undefined` when it never ends, or when OpenBao does not tell. */
  readonly lifeMs?: number
  readonly renewable: boolean
  readonly requestId?: string
}

/** What `auth/token/lookup-self` says. */
export interface TokenFacts {
  readonly lifeMs?: number
  readonly renewable: boolean
  readonly policies: readonly string[]
  /** Number of requests the token is still good for; 0 means any number. */
  readonly remainingUses: number
}

const authShape = z.object({
  client_token: z.string().min(1).max(16_384),
  lease_duration: z.number().nonnegative(),
  renewable: z.boolean(),
})

const lookupShape = z.object({
  ttl: z.number(),
  // A root token's answer has no such field.
  renewable: z.boolean().default(false),
  policies: z.array(z.string()).nullish(),
  num_uses: z.number().optional(),
})

/** Reads the token out of the answer to a login or a renewal. @throws {PluginError} BAD_RESPONSE */
export function tokenOf(answer: OpenBaoAnswer): Token {
  if (answer.status === 404) throw noSuchPlace()
  const auth = authShape.safeParse(answer.auth)
  // Not quoted: it answers a request that carried a credential.
  if (answer.status !== 200 || !auth.success || !isHeaderValue(auth.data.client_token)) {
    throw unexpectedAnswer({ status: answer.status })
  }
  const { client_token: value, lease_duration: lifeSeconds, renewable } = auth.data
  return { value, renewable, ...life(lifeSeconds), ...requestId(answer) }
}

/**
 * Asks OpenBao about a token.
 * @returns its facts; `"withheld"` when OpenBao knows the token, whose policies do not let it ask; `"unknown"` when
 * OpenBao does not know the token
 */
export async function lookUpToken(
  value: string,
  wire: Wire,
  call: CallOptions,
): Promise<{ readonly facts: TokenFacts; readonly requestId?: string } | "withheld" | "unknown"> {
  const answer = await wire.send({ method: "GET", path: "auth/token/lookup-self" }, value, call)
  if (answer.status === 403) return isPolicyDenial(answer) ? "withheld" : "unknown"
  if (answer.status === 404) throw noSuchPlace()
  const data = lookupShape.safeParse(answer.data)
  if (answer.status !== 200 || !data.success) throw unexpectedAnswer(answer)
  const { ttl, renewable, policies, num_uses: remainingUses = 0 } = data.data
  return { facts: { ...life(ttl), renewable, policies: policies ?? [], remainingUses }, ...requestId(answer) }
}

/** Takes a stored token as it is. @throws {PluginError} CREDENTIAL_REJECTED, INVALID_REQUEST */
export async function adoptToken(source: SecretSource, wire: Wire, call: CallOptions): Promise<Token> {
  const value = await readText(source, "token", call)
  if (!isHeaderValue(value)) throw unusable("token")
  const found = await lookUpToken(value, wire, call)
  if (found === "unknown") throw tokenRejected()
  if (found === "withheld") return { value, renewable: false }
  const { facts, ...rest } = found
  return { value, renewable: facts.renewable, ...(facts.lifeMs === undefined ? {} : { lifeMs: facts.lifeMs }), ...rest }
}

/**
 * A refusal by policy reads `1 error occurred:\n\t* permission denied`, that of an unknown token `permission denied`
 * alone (Vault since 1.16: `2 errors occurred`, the second `invalid token`). When `lookup-self` itself is refused, there
 * is nothing better than the text to tell them apart.
 */
function isPolicyDenial(answer: OpenBaoAnswer): boolean {
  const said = answer.errors?.join("\n") ?? ""
  return said.includes("* permission denied") && !said.includes("invalid token")
}

function noSuchPlace(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "OpenBao knows no such namespace or method of authentication.",
    "Check namespace and auth_mount_path.",
    { origin: "keystore" },
  )
}

function life(seconds: number): { readonly lifeMs?: number } {
  return seconds > 0 ? { lifeMs: seconds * 1000 } : {}
}

function requestId(answer: OpenBaoAnswer): { readonly requestId?: string } {
  return answer.requestId === undefined ? {} : { requestId: answer.requestId }
}
