import { randomBytes, randomUUID } from "node:crypto"
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo } from "node:net"
import type { TLSSocket } from "node:tls"
import { DsmAccount } from "./account.ts"
import { accountRoutes } from "./account-routes.ts"
import type { AppCredential, AppPermission, DsmApp, DsmGroup } from "./app.ts"
import { approvalRoutes } from "./approvals.ts"
import { cryptoRoutes } from "./crypto-routes.ts"
import { badRequest, DsmError, unauthorized } from "./dsm-error.ts"
import { type DsmKey, type KeyWish, newKey } from "./key-object.ts"
import { keyRoutes } from "./key-routes.ts"
import { findRoute, type Routes } from "./route.ts"
import { type Caller, Sessions } from "./sessions.ts"

/** Settings of the emulator. */
export interface FortanixEmulatorOptions {
  /** Speaks TLS with this certificate, and asks clients for theirs; PEM texts. Without it: plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string; readonly clientAuthority: string }
  /** FIPS level that it reports. Default: none. */
  readonly fipsLevel?: number
}

/** A fault for the next requests that match. */
export interface DsmFault {
  /** Part of `METHOD /path`, e.g. `POST /crypto/v1/keys`. */
  readonly on: string
  readonly status: number
  readonly text?: string
  readonly retryAfterSeconds?: number
  /** Default 1. */
  readonly times?: number
}

/** Settings of a new app. */
export interface AppWish {
  readonly name?: string
  /** Permissions by group id. */
  readonly groups: Readonly<Record<string, readonly AppPermission[]>>
  /** Default: a secret. */
  readonly credential?: AppCredential
}

const routes: Routes = { ...cryptoRoutes, ...keyRoutes, ...accountRoutes, ...approvalRoutes }
const longestBodyBytes = 1_048_576

/**
 * Our emulator of Fortanix DSM's REST API: one account, AES keys. Where the vendor's client and documents say nothing, its
 * behaviour is our choice, and its README lists it.
 */
export class FortanixEmulator {
  readonly account: DsmAccount
  readonly sessions: Sessions
  /** Lead of its clock over this machine's, in milliseconds. */
  clockOffsetMs = 0
  /** Answers 429 to an app's operations beyond this count within an hour. */
  maxOperationsPerHour = Number.POSITIVE_INFINITY
  /** Every request that was answered: `METHOD /path STATUS`. */
  readonly requests: string[] = []
  readonly #options: FortanixEmulatorOptions
  readonly #server: Server
  #port = 0
  #faults: (DsmFault & { left: number })[] = []
  readonly #operations = new Map<string, number>()

  constructor(options: FortanixEmulatorOptions = {}) {
    this.#options = options
    this.account = new DsmAccount(() => Date.now() + this.clockOffsetMs)
    this.sessions = new Sessions(this.account)
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response)
    const { tls } = options
    this.#server =
      tls === undefined
        ? createHttpServer(serve)
        : createHttpsServer(
            {
              ...{ cert: tls.certificate, key: tls.privateKey, ca: tls.clientAuthority },
              ...{ requestCert: true, rejectUnauthorized: false },
            },
            serve,
          )
  }

  get host(): string {
    return "127.0.0.1"
  }

  get port(): number {
    return this.#port
  }

  /** `http://127.0.0.1:PORT`, or `https://`. */
  get address(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.host}:${this.#port}`
  }

  /** Starts listening; again on the same port after `stop`. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(this.#port, this.host, resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Stops listening: connections are refused. Keys, apps and sessions survive. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  /** Creates a group, as an administrator does. */
  createGroup(name: string, approvals: DsmGroup["approvals"] = "none"): DsmGroup {
    const group: DsmGroup = { id: randomUUID(), name, createdAtMs: this.account.nowMs(), approvals }
    this.account.groups.set(group.id, group)
    return group
  }

  /** Creates an app. */
  createApp({ name = "app", groups, credential }: AppWish): DsmApp {
    const app: DsmApp = {
      ...{ id: randomUUID(), name, createdAtMs: this.account.nowMs(), enabled: true },
      credential: credential ?? { kind: "secret", secret: randomBytes(32).toString("base64url") },
      groups: new Map(Object.entries(groups)),
      defaultGroup: Object.keys(groups)[0],
    }
    this.account.apps.set(app.id, app)
    return app
  }

  /** API key of an app that logs in with a secret. */
  apiKey({ id, credential }: DsmApp): string {
    if (credential.kind !== "secret") throw new Error("this app has no secret")
    return Buffer.from(`${id}:${credential.secret}`).toString("base64")
  }

  /** Creates a key, bypassing every permission. */
  createKey(groupId: string, wish: Partial<KeyWish> = {}): DsmKey {
    const key = newKey({ ...wish, groupId, kid: randomUUID(), nowMs: this.account.nowMs() })
    this.account.keys.set(key.kid, key)
    return key
  }

  /** Approves a request: the emulator runs it at once, as the app. */
  approve(requestId: string): void {
    const request = this.account.approvals.get(requestId)
    const app = this.account.apps.get(request?.requesterApp ?? "")
    if (request === undefined || app === undefined) throw new Error(`there is no approval request ${requestId}`)
    const url = new URL(request.operation, "http://emulator")
    try {
      const body = this.#run(request.method, url, request.body, app, true)
      request.result = { status: body === undefined ? 204 : 200, body }
      request.status = "APPROVED"
    } catch (error) {
      request.result = { status: asDsmError(error).status, body: asDsmError(error).message }
      request.status = "FAILED"
    }
  }

  /** Denies a request. */
  deny(requestId: string): void {
    const request = this.account.approvals.get(requestId)
    if (request === undefined) throw new Error(`there is no approval request ${requestId}`)
    request.status = "DENIED"
  }

  /** Makes the next requests that match fail. */
  failNext(fault: DsmFault): void {
    this.#faults.push({ ...fault, left: fault.times ?? 1 })
  }

  /** Cancels the faults of {@link FortanixEmulator.failNext}. */
  forgetFaults(): void {
    this.#faults = []
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "", url = "/" } = incoming
    const target = new URL(url, "http://emulator")
    const caller: Caller = { authorization: incoming.headers.authorization, ...certificateOf(incoming) }
    let status: number
    const headers: Record<string, string> = {}
    let text = ""
    try {
      const body = readBody(await bytesOf(incoming))
      this.#failWhereTold(`${method} ${target.pathname}`)
      const answer = this.#answer(method, target, body, caller)
      status = answer === undefined ? 204 : 200
      headers["content-type"] = "application/json"
      if (answer !== undefined) text = JSON.stringify(answer)
    } catch (error) {
      const refusal = asDsmError(error)
      status = refusal.status
      text = refusal.message
      headers["content-type"] = "text/plain"
      if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = String(refusal.retryAfterSeconds)
    }
    this.requests.push(`${method} ${target.pathname} ${status}`)
    if (this.requests.length > 20_000) this.requests.splice(0, 10_000)
    outgoing.writeHead(status, { ...headers, date: new Date(this.account.nowMs()).toUTCString() }).end(text)
  }

  #answer(method: string, target: URL, body: unknown, caller: Caller): unknown {
    switch (`${method} ${target.pathname}`) {
      case "GET /sys/v1/health":
        return undefined
      case "GET /sys/v1/version":
        return {
          ...{ version: "4.37.0-emulator", api_version: "v1", server_mode: "Software" },
          fips_level: this.#options.fipsLevel,
        }
      case "POST /sys/v1/session/auth":
        return this.sessions.logIn(caller)
      case "POST /sys/v1/session/refresh":
        this.sessions.resolve(caller)
        return undefined
      case "POST /sys/v1/session/reauth":
        return this.sessions.reauthenticate(caller)
      case "POST /sys/v1/session/terminate":
        this.sessions.terminate(caller)
        return undefined
      default:
        return this.#run(method, target, body, this.sessions.resolve(caller), false)
    }
  }

  #run(method: string, target: URL, body: unknown, app: DsmApp, isApproved: boolean): unknown {
    if (!app.enabled) throw unauthorized()
    const [handler, parameters] = findRoute(routes, method, target.pathname)
    if (target.pathname.startsWith("/crypto/")) this.#countOperation(app)
    return handler({ account: this.account, app, isApproved, parameters, query: target.searchParams, body })
  }

  #countOperation(app: DsmApp): void {
    const hour = Math.floor(this.account.nowMs() / 3_600_000)
    const count = (this.#operations.get(`${app.id} ${hour}`) ?? 0) + 1
    if (count > this.maxOperationsPerHour) {
      const secondsLeft = 3_600 - Math.floor((this.account.nowMs() / 1000) % 3_600)
      throw new DsmError(429, "Too many requests", secondsLeft)
    }
    this.#operations.set(`${app.id} ${hour}`, count)
  }

  #failWhereTold(request: string): void {
    const fault = this.#faults.find(({ on, left }) => left > 0 && request.includes(on))
    if (fault === undefined) return
    fault.left -= 1
    throw new DsmError(
      fault.status,
      fault.text ?? `The emulator was told to say ${fault.status}.`,
      fault.retryAfterSeconds,
    )
  }
}

/** Starts an emulator on a free port of 127.0.0.1. */
export async function startFortanixEmulator(options: FortanixEmulatorOptions = {}): Promise<FortanixEmulator> {
  const emulator = new FortanixEmulator(options)
  await emulator.start()
  return emulator
}

/** Only a certificate that the authority has issued counts. */
function certificateOf({ socket }: IncomingMessage): { readonly fingerprint256: string | undefined } {
  const tls = socket as Partial<TLSSocket>
  if (tls.authorized !== true) return { fingerprint256: undefined }
  return { fingerprint256: tls.getPeerCertificate?.().fingerprint256 }
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming) {
    length += (chunk as Buffer).length
    if (length > longestBodyBytes) throw new DsmError(413, "Payload too large")
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function readBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch {
    throw badRequest("The body is not JSON")
  }
}

/** Any error that DSM would not return is a bug of the emulator, and is reported as one. */
function asDsmError(error: unknown): DsmError {
  return error instanceof DsmError ? error : new DsmError(500, `Fault of the emulator: ${String(error)}`)
}
