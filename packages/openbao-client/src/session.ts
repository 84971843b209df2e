import {
  type CallOptions,
  isPluginError,
  type PluginAuditEvent,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, pluginError, recordedLogin, singleFlight } from "@apeiro-cmk/plugin-sdk"
import { createAuthenticator } from "./authenticator.ts"
import { tokenRejected, unexpectedAnswer } from "./errors.ts"
import { lookUpToken, type OpenBaoLogin, type Token, tokenOf } from "./login.ts"
import type { Wire } from "./wire.ts"

/** What {@link createSession} needs. */
export interface SessionOptions {
  readonly wire: Wire
  readonly login: OpenBaoLogin
  /** Whose audit stream gets the logins and renewals. */
  readonly tenantId: string
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger" | "random">
}

/** The life of one token: logs in once for all who wait, and renews before the token ends. */
export interface Session {
  /** Fires with `CANCELLED` when the session closes. */
  readonly closing: AbortSignal
  /** The token in use; logs in when there is none. @throws {PluginError} CREDENTIAL_REJECTED and what a request throws */
  token(call: CallOptions): Promise<Token>
  /** Logs in now, whatever there is, also with a credential that was rejected a moment ago. */
  logIn(call: CallOptions): Promise<Token>
  /**
   * Renews now the token in use.
   * @throws {PluginError} DENIED - the token's policies do not allow `auth/token/renew-self`
   * @throws {PluginError} CREDENTIAL_REJECTED - the token is no longer known
   */
  renew(call: CallOptions): Promise<Token | "not renewable">
  /** Forgets a token that OpenBao does not know any more, unless another has taken its place. */
  drop(token: Token): void
  /** Ends what is in flight and revokes a token that it got by a login, as far as OpenBao answers within 2 s. */
  close(): Promise<void>
}

interface HeldToken extends Token {
  readonly obtainedMs: number
  /** Life that the login gave, in milliseconds: renewals near the maximum give less. */
  readonly fullLifeMs: number
}

const revokeTimeoutMs = 2_000

/** Makes a {@link Session}; touches no network. */
export function createSession(options: SessionOptions): Session {
  const { wire, login, tenantId, requestTimeoutMs, services } = options
  const { audit, clock, logger, random } = services
  const closing = new AbortController()
  const authenticator = createAuthenticator(login, wire, clock)
  const canLogInAnew = login.method !== "token"
  let held: HeldToken | undefined
  let renewalDenied = false
  let cancelTimer: (() => void) | undefined
  let reported: unknown

  /** Work that several callers share must outlive each of them. */
  async function ownCall<T>(work: (call: CallOptions) => Promise<T>): Promise<T> {
    const call = callOptions({ tenantId, timeoutMs: 2 * requestTimeoutMs, signal: closing.signal, clock })
    try {
      return await work(call)
    } finally {
      call.dispose()
    }
  }

  function audited<T extends Token | "not renewable">(
    action: PluginAuditEvent["action"],
    call: CallOptions,
    work: () => Promise<T>,
  ): Promise<T> {
    const event = { action, facts: { method: login.method } }
    // A credential that is held back was reported when OpenBao rejected it.
    const isRepeated = (error: unknown) => {
      if (error === reported) return true
      reported = error
      return false
    }
    const success = (result: T) => {
      if (result === "not renewable") return undefined
      return result.requestId === undefined ? {} : { backendRequestId: result.requestId }
    }
    return recordedLogin({ audit, logger, event, work, isRepeated, success }, call)
  }

  const sharedLogIn = singleFlight((insist: boolean) =>
    ownCall(async (call) => {
      const sentMs = clock.monotonicMs()
      const token = await audited("keystoreLogin", call, () => authenticator.authenticate(call, insist))
      renewalDenied = false
      hold({ ...token, obtainedMs: sentMs, fullLifeMs: token.lifeMs ?? 0 })
      return token
    }),
  )

  const sharedRenew = singleFlight((before: HeldToken) =>
    ownCall(async (call) => {
      const sentMs = clock.monotonicMs()
      const token = await audited("keystoreTokenRenewal", call, () => requestRenewal(before, call))
      if (token === "not renewable") return token
      // Another login may have replaced the token meanwhile: its own renewal is planned already.
      if (held?.value === before.value) hold({ ...token, obtainedMs: sentMs, fullLifeMs: before.fullLifeMs })
      return token
    }),
  )

  async function requestRenewal(before: Token, call: CallOptions): Promise<Token | "not renewable"> {
    const request = {
      method: "POST",
      path: "auth/token/renew-self",
      body: Buffer.from("{}"),
      repeatable: true,
    } as const
    const answer = await wire.send(request, before.value, call)
    if (answer.status === 200) return tokenOf(answer)
    // "lease is not renewable", "batch tokens cannot be renewed"
    if (answer.status === 400) return "not renewable"
    if (answer.status !== 403) throw unexpectedAnswer(answer)
    if ((await lookUpToken(before.value, wire, call)) === "unknown") {
      drop(before)
      throw tokenRejected()
    }
    renewalDenied = true
    throw pluginError(
      "DENIED",
      "The token's policies do not allow it to renew itself.",
      'Grant "update" on auth/token/renew-self, or attach the default policy.',
    )
  }

  function hold(token: HeldToken): void {
    if (closing.signal.aborted) return
    held = token
    // Between 60 and 80 % of the life, so that many tokens of one moment are not renewed in one moment.
    const share = 0.6 + (0.2 * (random.bytes(1)[0] ?? 0)) / 255
    if (token.lifeMs === undefined) cancelTimer?.()
    else plan(token.lifeMs * share)
  }

  function plan(delayMs: number): void {
    cancelTimer?.()
    cancelTimer = clock.after(delayMs, () => {
      refresh().catch((error: unknown) => {
        logger.warn("The OpenBao token could not be refreshed", {
          code: isPluginError(error) ? error.code : "INTERNAL",
        })
        planAnother()
      })
    })
  }

  /** Renews, or logs in anew where that gives a longer life: near the maximum, renewals are cut short. */
  async function refresh(): Promise<void> {
    const token = held
    if (token === undefined) return
    const cutShort = token.lifeMs !== undefined && token.lifeMs < 0.9 * token.fullLifeMs
    if (token.renewable && !renewalDenied && !(cutShort && canLogInAnew)) {
      try {
        if ((await sharedRenew(token)) !== "not renewable") return
      } catch (error) {
        if (!(isPluginError(error) && ["DENIED", "CREDENTIAL_REJECTED"].includes(error.code) && canLogInAnew))
          throw error
      }
    }
    if (canLogInAnew) await sharedLogIn(false)
    else logger.warn("The OpenBao token cannot be renewed: store a new one before it ends", { leftMs: leftMs(token) })
  }

  function planAnother(): void {
    if (held === undefined || closing.signal.aborted) return
    const left = leftMs(held)
    if (left > 0) plan(Math.min(30_000, Math.max(1_000, left / 4)))
    else held = undefined
  }

  function leftMs(token: HeldToken): number {
    return token.lifeMs === undefined ? Number.POSITIVE_INFINITY : token.obtainedMs + token.lifeMs - clock.monotonicMs()
  }

  function drop(token: Token): void {
    if (held?.value !== token.value) return
    held = undefined
    cancelTimer?.()
  }

  async function token(call: CallOptions): Promise<Token> {
    if (closing.signal.aborted) throw closing.signal.reason
    if (held !== undefined && leftMs(held) > 0) return held
    return abortable(sharedLogIn(false), call.signal)
  }

  async function logIn(call: CallOptions): Promise<Token> {
    const before = held
    const token = await abortable(sharedLogIn(true), call.signal)
    // A call that still uses the one before is told that it is bad, and goes on with the new one.
    if (before !== undefined && before.value !== token.value) await revoke(before)
    return token
  }

  async function renew(call: CallOptions): Promise<Token | "not renewable"> {
    await token(call)
    if (held?.renewable !== true) return "not renewable"
    return abortable(sharedRenew(held), call.signal)
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    const last = held
    held = undefined
    cancelTimer?.()
    closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again to go on."))
    if (last !== undefined) await revoke(last)
  }

  /** Ends a token that came from a login before its time; it ends by itself where that fails. */
  async function revoke({ value }: Token): Promise<void> {
    if (!canLogInAnew) return
    const call = callOptions({ tenantId, timeoutMs: revokeTimeoutMs, clock })
    try {
      await wire.send({ method: "POST", path: "auth/token/revoke-self", body: Buffer.from("{}") }, value, call)
    } catch (error) {
      logger.info("The OpenBao token was not revoked and ends by itself", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
    } finally {
      call.dispose()
    }
  }

  return {
    closing: closing.signal,
    token,
    logIn,
    renew,
    drop,
    close,
  }
}
