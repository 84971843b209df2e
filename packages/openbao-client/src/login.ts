import { createHash } from "node:crypto"
import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import type { OpenBaoAnswer } from "./answer.ts"
import { loginRejected, sealedError, tokenRejected, unexpectedAnswer } from "./errors.ts"
import type { Wire } from "./wire.ts"

/** Reads a credential at the moment of a login, so that a rotated one is seen. The client fills the bytes with zeros. */
export type SecretSource = (call: Pick<CallOptions, "tenantId" | "signal">) => Promise<Uint8Array>

/** How the client gets its token. */
export type OpenBaoLogin =
  | { readonly method: "token"; readonly token: SecretSource }
  | {
      readonly method: "approle"
      /** Mount of the auth method, e.g. `approle`; checked before, since it becomes part of a URL. */
      readonly mountPath: string
      readonly roleId: string
      readonly secretId: SecretSource
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

// OpenBao locks a role out after five wrong logins within 15 minutes: the same wrong secret id is not tried that often.
const rejectedHoldMs = 240_000

/** Gets a token, each time from the credential as it is now. */
export interface Authenticator {
  /**
   * @param insist - tries also a credential that was rejected a moment ago
   * @throws {PluginError} CREDENTIAL_REJECTED - by OpenBao, now or when the same credential was last tried, in the last 4
   * minutes; while the server cannot be reached or is sealed, it throws that
   */
  authenticate(call: CallOptions, insist: boolean): Promise<Token>
}

/** Makes the {@link Authenticator} of one login. */
export function createAuthenticator(login: OpenBaoLogin, wire: Wire, clock: Clock): Authenticator {
  if (login.method === "token") return { authenticate: (call) => adoptToken(login.token, wire, call) }
  let rejected: { readonly digest: string; readonly untilMs: number; readonly error: PluginError } | undefined
  return {
    async authenticate(call, insist) {
      const secretId = await readText(login.secretId, "secret id", call)
      const digest = createHash("sha256").update(login.roleId).update("\0").update(secretId).digest("hex")
      if (!insist && rejected?.digest === digest && clock.monotonicMs() < rejected.untilMs) {
        await requireServing(wire, call)
        throw rejected.error
      }
      const body = Buffer.from(JSON.stringify({ role_id: login.roleId, secret_id: secretId }))
      const path = `auth/${login.mountPath}/login`
      const answer = await wire.send({ method: "POST", path, body }, undefined, call).finally(() => body.fill(0))
      if (answer.status === 400 || answer.status === 403) {
        const { mountPath, roleId } = login
        const times = { refusedAtMs: clock.nowMs(), heldUntilMs: clock.nowMs() + rejectedHoldMs }
        const error = loginRejected({ status: answer.status, namespace: wire.namespace, mountPath, roleId, ...times })
        rejected = { digest, untilMs: clock.monotonicMs() + rejectedHoldMs, error }
        throw error
      }
      rejected = undefined
      return tokenOf(answer)
    },
  }
}

/** What is remembered must not hide that the server is gone meanwhile. Where `sys/health` is kept from us, it may. */
async function requireServing(wire: Wire, call: CallOptions): Promise<void> {
  const health = await wire.health(call).catch((error: unknown) => {
    if (isPluginError(error) && error.code === "BAD_RESPONSE") return undefined
    throw error
  })
  if (health?.sealed === true) throw sealedError()
}

/** Reads the token out of the answer to a login or a renewal. @throws {PluginError} BAD_RESPONSE */
export function tokenOf(answer: OpenBaoAnswer): Token {
  if (answer.status === 404) throw noSuchPlace()
  const auth = authShape.safeParse(answer.auth)
  // Not quoted: it answers a request that carried the secret id.
  if (answer.status !== 200 || !auth.success || !isToken(auth.data.client_token)) {
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

async function adoptToken(source: SecretSource, wire: Wire, call: CallOptions): Promise<Token> {
  const value = await readText(source, "token", call)
  if (!isToken(value)) throw unusable("token")
  const found = await lookUpToken(value, wire, call)
  if (found === "unknown") throw tokenRejected()
  if (found === "withheld") return { value, renewable: false }
  const { facts, ...rest } = found
  return { value, renewable: facts.renewable, ...(facts.lifeMs === undefined ? {} : { lifeMs: facts.lifeMs }), ...rest }
}

async function readText(source: SecretSource, name: string, call: CallOptions): Promise<string> {
  const bytes = await source(call)
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").trim()
    if (text === "" || /\p{C}/u.test(text)) throw unusable(name)
    return text
  } finally {
    bytes.fill(0)
  }
}

function unusable(name: string): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    `The ${name} is empty or has characters that no ${name} has.`,
    `Store the ${name} again.`,
  )
}

/** A token becomes a header value: printable ASCII without spaces. */
function isToken(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value)
}

function life(seconds: number): { readonly lifeMs?: number } {
  return seconds > 0 ? { lifeMs: seconds * 1000 } : {}
}

function requestId(answer: OpenBaoAnswer): { readonly requestId?: string } {
  return answer.requestId === undefined ? {} : { requestId: answer.requestId }
}
