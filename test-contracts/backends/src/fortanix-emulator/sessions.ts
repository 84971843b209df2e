import { randomBytes, timingSafeEqual, verify } from "node:crypto"
import * as z from "zod"
import type { DsmAccount } from "./account.ts"
import type { DsmApp } from "./app.ts"
import { unauthorized } from "./dsm-error.ts"

interface Session {
  readonly app: DsmApp
  /** Fingerprint of the login's certificate, which each request must present. */
  readonly fingerprint256: string | undefined
  lastUsedMs: number
}

/** Identity of the caller, as far as TLS and the header reveal it. */
export interface Caller {
  readonly authorization: string | undefined
  /** SHA-256 of the client certificate, as Node writes it. */
  readonly fingerprint256: string | undefined
}

/** Sessions of apps. A token expires when it is not used for `lifeSeconds`. */
export class Sessions {
  readonly #account: DsmAccount
  readonly #byToken = new Map<string, Session>()
  /** Source of the default: Fortanix's guide on authentication, 10 minutes for apps. */
  lifeSeconds = 600

  constructor(account: DsmAccount) {
    this.#account = account
  }

  /** Tokens that are currently valid: canaries for tests. */
  get tokens(): readonly string[] {
    return [...this.#byToken.keys()]
  }

  /** `POST /sys/v1/session/auth`. */
  logIn(caller: Caller): Readonly<Record<string, unknown>> {
    const app = this.#appOf(caller)
    const token = randomBytes(48).toString("base64url")
    const fingerprint256 = app.credential.kind === "certificate" ? caller.fingerprint256 : undefined
    this.#byToken.set(token, { app, fingerprint256, lastUsedMs: this.#account.nowMs() })
    this.#account.record({
      ...{ actionType: "AUTH", severity: "INFO", message: `App "${app.name}" authentication successful` },
      ...{ actorId: app.id, objectId: app.id, groupIds: [...app.groups.keys()] },
    })
    return { token_type: "Bearer", expires_in: this.lifeSeconds, access_token: token, entity_id: app.id }
  }

  /** Finds the app of a session, or of an API key in the request itself. @throws {DsmError} 401 */
  resolve(caller: Caller): DsmApp {
    const token = bearerToken(caller)
    if (token === undefined) return this.#appOf(caller)
    const session = this.#sessionOf(token, caller)
    session.lastUsedMs = this.#account.nowMs()
    return session.app
  }

  /** `POST /sys/v1/session/refresh` only uses the session; `reauth` replaces it with another. */
  reauthenticate(caller: Caller): Readonly<Record<string, unknown>> {
    const token = bearerToken(caller) ?? ""
    const { app } = this.#sessionOf(token, caller)
    this.#byToken.delete(token)
    const next = randomBytes(48).toString("base64url")
    const { fingerprint256 } = caller
    this.#byToken.set(next, { app, fingerprint256, lastUsedMs: this.#account.nowMs() })
    return { token_type: "Bearer", expires_in: this.lifeSeconds, access_token: next, entity_id: app.id }
  }

  terminate(caller: Caller): void {
    this.resolve(caller)
    this.#byToken.delete(bearerToken(caller) ?? "")
  }

  /** Ends every session of an app, or of all, as an administrator may. */
  revoke(appId?: string): void {
    for (const [token, { app }] of this.#byToken) {
      if (appId === undefined || app.id === appId) this.#byToken.delete(token)
    }
  }

  #sessionOf(token: string, { fingerprint256 }: Caller): Session {
    const session = this.#byToken.get(token)
    const idleMs = session === undefined ? 0 : this.#account.nowMs() - session.lastUsedMs
    if (session === undefined || !session.app.enabled || !this.#account.apps.has(session.app.id)) throw unauthorized()
    if (session.fingerprint256 !== undefined && session.fingerprint256 !== fingerprint256) throw unauthorized()
    if (idleMs <= this.lifeSeconds * 1000) return session
    this.#byToken.delete(token)
    throw unauthorized("Session expired")
  }

  #appOf(caller: Caller): DsmApp {
    const [id, password] = basicPair(caller)
    const app = id === undefined ? this.#certificateApp(caller) : this.#account.apps.get(id)
    if (app?.enabled !== true || !this.#isGenuine(app, password, caller)) throw unauthorized()
    return app
  }

  #certificateApp({ fingerprint256 }: Caller): DsmApp | undefined {
    if (fingerprint256 === undefined) return undefined
    return [...this.#account.apps.values()].find(
      ({ credential }) => credential.kind === "certificate" && credential.fingerprint256 === fingerprint256,
    )
  }

  #isGenuine({ id, credential }: DsmApp, password: string | undefined, { fingerprint256 }: Caller): boolean {
    if (credential.kind === "secret") return password !== undefined && isEqual(password, credential.secret)
    if (credential.kind === "certificate") return credential.fingerprint256 === fingerprint256
    return password !== undefined && this.#isGoodToken(password, id, credential)
  }

  #isGoodToken(
    token: string,
    appId: string,
    credential: Extract<DsmApp["credential"], { kind: "signedJwt" }>,
  ): boolean {
    const [head = "", body = "", signature = ""] = token.split(".")
    const header = headerShape.safeParse(jsonOf(head)).data
    const claims = claimsShape.safeParse(jsonOf(body)).data
    const key = header === undefined ? undefined : credential.keys.get(header.kid)
    if (key === undefined || claims === undefined) return false
    const signed = Buffer.from(`${head}.${body}`)
    const nowSeconds = this.#account.nowMs() / 1000
    return (
      verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")) &&
      credential.issuers.includes(claims.iss) &&
      claims.sub === appId &&
      claims.exp > nowSeconds &&
      (claims.nbf ?? 0) <= nowSeconds
    )
  }
}

const headerShape = z.looseObject({ alg: z.enum(["RS256", "ES256"]), kid: z.string() })
const claimsShape = z.looseObject({ iss: z.string(), sub: z.string(), exp: z.number(), nbf: z.number().optional() })

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"))
  } catch {
    return undefined // no token: the schema refuses it
  }
}

function bearerToken({ authorization }: Caller): string | undefined {
  return /^Bearer (.*)$/s.exec(authorization ?? "")?.[1]
}

function basicPair({ authorization }: Caller): readonly [string | undefined, string | undefined] {
  const encoded = /^Basic (.+)$/s.exec(authorization ?? "")?.[1]
  if (encoded === undefined) return [undefined, undefined]
  const text = Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
}

function isEqual(given: string, stored: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(stored)]
  return left.length === right.length && timingSafeEqual(left, right)
}
