import type { CallOptions, PluginError } from "@apeiro-cmk/plugin-interface"
import { isHeaderValue, pluginError, readText, type SecretSource, unusable } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { OpenBaoAnswer } from "./answer.ts"
import { tokenRejected, unexpectedAnswer } from "./errors.ts"
import type { UnwrappedSecretIds } from "./unwrapped-secret-ids.ts"
import type { Wire } from "./wire.ts"

/**
 * The ways in which the client obtains its token. Mount paths and roles become part of a URL or a body: check them
 * first.
 */
export type OpenBaoLogin = TokenLogin | AppRoleLogin | WrappedAppRoleLogin | JwtLogin | CertificateLogin

/** A stored token, issued outside of this client. */
export interface TokenLogin {
  readonly method: "token"
  readonly token: SecretSource
}

/** AppRole with a plain secret id. */
export interface AppRoleLogin {
  readonly method: "approle"
  /** Mount of the auth method, e.g. `approle`. */
  readonly mountPath: string
  readonly roleId: string
  readonly secretId: SecretSource
}

/** AppRole with a response-wrapped secret id: a wrapping token unwraps it once. */
export interface WrappedAppRoleLogin {
  readonly method: "approle"
  readonly mountPath: string
  readonly roleId: string
  readonly wrappedSecretId: SecretSource
  /** Keeps the unwrapped secret ids, because none can be unwrapped twice. */
  readonly unwrapped: UnwrappedSecretIds
}

/** A signed token that OpenBao trusts: of a Kubernetes service account, or of any other issuer. */
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
  /** Default: OpenBao tries every role. */
  readonly role?: string
  /**
   * Returns the fingerprint of the certificate that the next connection presents, so that a replaced one counts as new.
   */
  readonly fingerprint: (call: Pick<CallOptions, "signal">) => Promise<string>
}

/** A token that OpenBao accepted or issued. */
export interface Token {
  readonly value: string
  /** Life from now, in milliseconds; `undefined` when it never ends, or when OpenBao does not state it. */
  readonly lifeMs?: number
  readonly renewable: boolean
  readonly requestId?: string
}

/** Facts that `auth/token/lookup-self` states about a token. */
export interface TokenFacts {
  readonly lifeMs?: number
  readonly renewable: boolean
  readonly policies: readonly string[]
  /** Number of requests that the token can still make; 0 means any number. */
  readonly remainingUses: number
}

const authShape = z.object({
  client_token: z.string().min(1).max(16_384),
  lease_duration: z.number().nonnegative(),
  renewable: z.boolean(),
})

const lookupShape = z.object({
  ttl: z.number(),
  // Absent from the answer for a root token.
  renewable: z.boolean().default(false),
  policies: z.array(z.string()).nullish(),
  num_uses: z.number().optional(),
})

/** Reads the token from the answer to a login or a renewal. @throws {PluginError} BAD_RESPONSE, INVALID_REQUEST */
export function tokenOf(answer: OpenBaoAnswer): Token {
  if (answer.status === 404) throw noSuchPlace()
  const auth = authShape.safeParse(answer.auth)
  // Not quoted, because the request carried a credential.
  if (answer.status !== 200 || !auth.success || !isHeaderValue(auth.data.client_token)) {
    throw unexpectedAnswer({ status: answer.status })
  }
  const { client_token: value, lease_duration: lifeSeconds, renewable } = auth.data
  return { value, renewable, ...life(lifeSeconds), ...requestId(answer) }
}

/**
 * Looks up a token.
 * @returns its facts; `"withheld"` when OpenBao knows the token, but its policies do not allow it to look itself up;
 * `"unknown"` when OpenBao does not know the token
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

/** Uses a stored token as it is. @throws {PluginError} CREDENTIAL_REJECTED, INVALID_REQUEST */
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
 * OpenBao words a denial by policy as `1 error occurred:\n\t* permission denied`, and an unknown token as
 * `permission denied` alone (Vault since 1.16: `2 errors occurred`, the second `invalid token`). When `lookup-self`
 * itself is refused, only the text tells them apart.
 */
function isPolicyDenial(answer: OpenBaoAnswer): boolean {
  const said = answer.errors?.join("\n") ?? ""
  return said.includes("* permission denied") && !said.includes("invalid token")
}

function noSuchPlace(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "OpenBao has no such namespace or auth method.",
    "Check namespace and auth_mount_path.",
    { origin: "backend" },
  )
}

function life(seconds: number): { readonly lifeMs?: number } {
  return seconds > 0 ? { lifeMs: seconds * 1000 } : {}
}

function requestId(answer: OpenBaoAnswer): { readonly requestId?: string } {
  return answer.requestId === undefined ? {} : { requestId: answer.requestId }
}
