import { createHash } from "node:crypto"
import { type CallOptions, isPluginError, type PluginError, type PluginServices } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, isHeaderValue, pluginError, recordedLogin, singleFlight } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { dsmError } from "../errors.ts"
import type { Wire } from "../wire.ts"
import type { DsmLogin } from "./login.ts"

/** What {@link createSession} needs. */
export interface SessionOptions {
  readonly wire: Wire
  readonly login: DsmLogin
  /** Whose audit stream gets the logins. */
  readonly tenantId: string
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger">
}

/** A token that DSM has issued. */
export interface SessionToken {
  readonly authorization: string
  /** Ends when it was not used for this long; in milliseconds. */
  readonly idleLifeMs: number
}

/** One session at DSM: logs in once for all who wait, and anew before an idle token ends. */
export interface Session {
  /** Fires with `CANCELLED` when the session closes. */
  readonly closing: AbortSignal
  /** The token in use; logs in when there is none. @throws {PluginError} CREDENTIAL_REJECTED and what a request throws */
  token(call: CallOptions): Promise<SessionToken>
  /** Logs in now, whatever there is, also with a credential that was rejected a moment ago. */
  logIn(call: CallOptions): Promise<SessionToken>
  /** Forgets a token that DSM does not know any more, unless another has taken its place. */
  drop(token: SessionToken): void
  /** Ends what is in flight, and the session at DSM as far as it answers within 2 s. */
  close(): Promise<void>
}

const answerShape = z.object({
  access_token: z.string().min(1).max(8192).refine(isHeaderValue),
  expires_in: z.number().positive().max(31_536_000),
})

/** The same wrong credential is not tried more often: DSM may lock an app out. */
const rejectedHoldMs = 60_000
const terminateTimeoutMs = 2_000
/** Of its idle life: a token that rests for longer is replaced before it is used. */
const freshShare = 0.7

/** Makes a {@link Session}; touches no network. */
export function createSession({ wire, login, tenantId, requestTimeoutMs, services }: SessionOptions): Session {
  const { audit, clock, logger } = services
  const closing = new AbortController()
  let held: (SessionToken & { usedAtMs: number }) | undefined
  let rejected: { readonly digest: string; readonly untilMs: number; readonly error: PluginError } | undefined

  async function authenticate(insist: boolean, call: CallOptions): Promise<SessionToken> {
    const authorization = await login.authorization(call)
    const digest = createHash("sha256").update(authorization).digest("hex")
    if (!insist && rejected?.digest === digest && clock.monotonicMs() < rejected.untilMs) throw rejected.error
    const answer = await wire.send({ method: "POST", path: "/sys/v1/session/auth" }, authorization, call)
    if (answer.status === 400 || answer.status === 401 || answer.status === 403) {
      rejected = { digest, untilMs: clock.monotonicMs() + rejectedHoldMs, error: dsmError("loginRejected", answer) }
      throw rejected.error
    }
    const read = answerShape.safeParse(answer.json)
    if (!read.success) throw dsmError("notDsm", answer)
    rejected = undefined
    const { access_token: token, expires_in: seconds } = read.data
    return { authorization: `Bearer ${token}`, idleLifeMs: seconds * 1000 }
  }

  function recorded(work: () => Promise<SessionToken>, call: CallOptions): Promise<SessionToken> {
    const event = { action: "keystoreLogin", facts: { method: login.method } } as const
    // A credential that is held back was reported when DSM rejected it.
    const before = rejected?.error
    return recordedLogin(
      { audit, logger, event, work, isRepeated: (error) => error === before, success: () => ({}) },
      call,
    )
  }

  /** Work that several callers share must outlive each of them. */
  const sharedLogIn = singleFlight(async (insist: boolean) => {
    const call = callOptions({ tenantId, timeoutMs: 2 * requestTimeoutMs, signal: closing.signal, clock })
    try {
      const token = await recorded(() => authenticate(insist, call), call)
      if (!closing.signal.aborted) held = { ...token, usedAtMs: clock.monotonicMs() }
      return token
    } finally {
      call.dispose()
    }
  })

  async function token(call: CallOptions): Promise<SessionToken> {
    if (closing.signal.aborted) throw closing.signal.reason
    const nowMs = clock.monotonicMs()
    if (held !== undefined && nowMs - held.usedAtMs < freshShare * held.idleLifeMs) {
      held.usedAtMs = nowMs
      return held
    }
    return abortable(sharedLogIn(false), call.signal)
  }

  async function terminate({ authorization }: SessionToken): Promise<void> {
    const call = callOptions({ tenantId, timeoutMs: terminateTimeoutMs, clock })
    try {
      await wire.send({ method: "POST", path: "/sys/v1/session/terminate" }, authorization, call)
    } catch (error) {
      logger.info("The session at DSM was not ended and ends by itself", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
    } finally {
      call.dispose()
    }
  }

  return {
    closing: closing.signal,
    token,
    async logIn(call) {
      const before = held
      const next = await abortable(sharedLogIn(true), call.signal)
      // A call that still uses the one before is told that it is bad, and goes on with the new one.
      if (before !== undefined && before.authorization !== next.authorization) await terminate(before)
      return next
    },
    drop({ authorization }) {
      if (held?.authorization === authorization) held = undefined
    },
    async close() {
      if (closing.signal.aborted) return
      const last = held
      held = undefined
      closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again to go on."))
      if (last !== undefined) await terminate(last)
    },
  }
}
