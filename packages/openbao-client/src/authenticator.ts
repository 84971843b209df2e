import { createHash } from "node:crypto"
import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { readText } from "@apeiro-cmk/plugin-sdk"
import { sealedError } from "./errors.ts"
import { adoptToken, type OpenBaoLogin, type Token, type TokenLogin, tokenOf } from "./login.ts"
import { loginRejected } from "./login-errors.ts"
import { unwrapSecretId } from "./unwrapping.ts"
import type { Wire } from "./wire.ts"

// OpenBao locks a role out after five failed logins within 15 minutes, so the same wrong credential is presented less
// often.
const rejectedHoldMs = 240_000

/** Obtains a token. Reads the credential again for each login. */
export interface Authenticator {
  /**
   * Logs in.
   *
   * @param insist - also presents a credential that OpenBao rejected recently
   * @throws {PluginError} CREDENTIAL_REJECTED - OpenBao rejects the credential now, or rejected the same credential
   * within the last 4 minutes
   * @throws {PluginError} UNREACHABLE, TIMED_OUT, SEALED - the server cannot answer at present
   */
  authenticate(call: CallOptions, insist: boolean): Promise<Token>
}

/** Body of a login, and the text that identifies its credential. */
interface LoginRequest {
  readonly body: Readonly<Record<string, string>>
  readonly credential: string
}

type LoginByRequest = Exclude<OpenBaoLogin, TokenLogin>

/** Makes the {@link Authenticator} of one login. */
export function createAuthenticator(login: OpenBaoLogin, wire: Wire, clock: Clock): Authenticator {
  if (login.method === "token") return { authenticate: (call) => adoptToken(login.token, wire, call) }
  let rejected: { readonly digest: string; readonly untilMs: number; readonly error: PluginError } | undefined
  return {
    async authenticate(call, insist) {
      const { body: fields, credential } = await loginRequest(login, wire, call)
      const digest = createHash("sha256").update(credential).digest("hex")
      if (!insist && rejected?.digest === digest && clock.monotonicMs() < rejected.untilMs) {
        await requireServing(wire, call)
        throw rejected.error
      }
      const body = Buffer.from(JSON.stringify(fields))
      const path = `auth/${login.mountPath}/login`
      const request = { method: "POST", path, body, repeatable: true } as const
      const answer = await wire.send(request, undefined, call).finally(() => body.fill(0))
      if (answer.status === 400 || answer.status === 403) {
        const refusedAtMs = clock.nowMs()
        const error = loginRejected(login, {
          status: answer.status,
          namespace: wire.namespace,
          jwt: fields.jwt,
          refusedAtMs,
          heldUntilMs: refusedAtMs + rejectedHoldMs,
        })
        rejected = { digest, untilMs: clock.monotonicMs() + rejectedHoldMs, error }
        throw error
      }
      rejected = undefined
      return tokenOf(answer)
    },
  }
}

/**
 * A remembered rejection must not hide that the server has since become unavailable. Without access to `sys/health` it
 * may.
 */
async function requireServing(wire: Wire, call: CallOptions): Promise<void> {
  const health = await wire.health(call).catch((error: unknown) => {
    if (isPluginError(error) && error.code === "BAD_RESPONSE") return undefined
    throw error
  })
  if (health?.sealed === true) throw sealedError()
}

async function loginRequest(login: LoginByRequest, wire: Wire, call: CallOptions): Promise<LoginRequest> {
  if (login.method === "approle") {
    const secretId =
      "secretId" in login ? await readText(login.secretId, "secret id", call) : await unwrapSecretId(login, wire, call)
    return { body: { role_id: login.roleId, secret_id: secretId }, credential: `${login.roleId}\0${secretId}` }
  }
  if (login.method === "cert") {
    const fingerprint = await login.fingerprint(call)
    return { body: login.role === undefined ? {} : { name: login.role }, credential: fingerprint }
  }
  const jwt = await readText(login.jwt, "token", call)
  return { body: { role: login.role, jwt }, credential: jwt }
}
