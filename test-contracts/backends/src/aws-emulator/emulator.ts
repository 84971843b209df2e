import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { AwsError } from "./aws-error.ts"
import { Iam } from "./iam.ts"
import { Kms } from "./kms.ts"
import { type KmsKey, newKey, wrappingKey } from "./kms-key.ts"
import type { KmsOperation } from "./kms-operations.ts"
import type { AwsAnswer, AwsRequest } from "./request.ts"
import { createSession, type TrustAnchor } from "./roles-anywhere.ts"
import { readAuthorization } from "./signature.ts"
import { answerSts, stsError } from "./sts.ts"
import type { IdentityProvider } from "./web-identity-token.ts"

/** Settings of the emulator. */
export interface AwsEmulatorOptions {
  /** 12 digits. Default `123456789012`. */
  readonly account?: string
  readonly providers?: readonly IdentityProvider[]
}

/** One request, its caller and its outcome. Contains no secret. */
export interface AwsLogEntry {
  readonly service: "kms" | "sts" | "rolesanywhere"
  readonly action: string
  /** ARN of the role whose session signs the request; for an exchange, the requested role. */
  readonly role?: string
  readonly sessionName?: string
  /** `ok`, or the code of the error. */
  readonly outcome: string
}

/**
 * Our emulator of AWS KMS, STS and IAM Roles Anywhere. Where AWS's documentation says nothing, its behaviour is our choice,
 * and its README lists it.
 */
export class AwsEmulator {
  readonly account: string
  readonly iam: Iam
  readonly kms: Kms
  readonly providers: IdentityProvider[]
  readonly trustAnchors: TrustAnchor[] = []
  /** Every request, oldest first. */
  readonly log: AwsLogEntry[] = []
  /** Lead of its clock over this machine's, in milliseconds. */
  clockOffsetMs = 0
  readonly #server: Server
  #port = 0
  #failures: { readonly operation: string; readonly error: AwsError }[] = []

  constructor({ account = "123456789012", providers = [] }: AwsEmulatorOptions = {}) {
    this.account = account
    this.providers = [...providers]
    const nowMs = () => Date.now() + this.clockOffsetMs
    this.iam = new Iam(nowMs)
    this.kms = new Kms({ account, nowMs, authorize: (session, question) => this.iam.authorize(session, question) })
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  get port(): number {
    return this.#port
  }

  get host(): string {
    return "127.0.0.1"
  }

  /** `http://127.0.0.1:PORT`: one address for all three services. */
  get address(): string {
    return `http://${this.host}:${this.#port}`
  }

  /** Starts listening; again on the same port after `stop`. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(this.#port, this.host, resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Stops listening: connections are refused. Keys and roles survive. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  /** Makes the next requests for an operation fail. */
  failNext(
    operation: KmsOperation | "AssumeRole" | "AssumeRoleWithWebIdentity" | "CreateSession",
    code: string,
    times = 1,
  ): void {
    const status = code === "ThrottlingException" || code.endsWith("InternalException") ? 500 : 400
    const error = new AwsError(
      code,
      `The emulator was told to say ${code}.`,
      code === "ThrottlingException" ? 400 : status,
    )
    for (let time = 0; time < times; time += 1) this.#failures.push({ operation, error })
  }

  /** Cancels the failures of {@link AwsEmulator.failNext}. */
  forgetFailures(): void {
    this.#failures = []
  }

  /** Makes the key that wraps imported material ahead, so that no call waits for it. */
  async prepareImports(): Promise<void> {
    await wrappingKey(4096)
  }

  /** Creates a key as an administrator does, bypassing every policy. */
  createKey(region: string, wish: Parameters<typeof newKey>[1] = {}): KmsKey {
    const key = newKey({ region, account: this.account, nowMs: Date.now() + this.clockOffsetMs }, wish)
    this.kms.keys.set(key.id, key)
    return key
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const request = readRequest(incoming, Buffer.concat(chunks))
    const { status, contentType, headers = {}, body } = await this.#answer(request)
    outgoing.writeHead(status, {
      "content-type": contentType,
      "x-amzn-requestid": randomUUID(),
      ...headers,
      date: new Date(Date.now() + this.clockOffsetMs).toUTCString(),
    })
    outgoing.end(body)
  }

  async #answer(request: AwsRequest): Promise<AwsAnswer> {
    const target = request.headers["x-amz-target"]
    if (target !== undefined) return this.#kms(request, target.replace(/^TrentService\./, ""))
    return request.path === "/sessions" ? this.#rolesAnywhere(request) : this.#sts(request)
  }

  async #kms(request: AwsRequest, operation: string): Promise<AwsAnswer> {
    const contentType = "application/x-amz-json-1.1"
    let who = {}
    try {
      const session = this.iam.authenticate(request, "kms")
      who = { role: session.roleArn, sessionName: session.sessionName }
      this.#failWhereTold(operation)
      const { region } = readAuthorization(request)
      const body = JSON.stringify(await this.kms.answer(operation, request.body, { session, region }))
      this.log.push({ service: "kms", action: operation, ...who, outcome: "ok" })
      return { status: 200, contentType, body }
    } catch (error) {
      const { code, message, status } = awsError(error)
      this.log.push({ service: "kms", action: operation, ...who, outcome: code })
      return { status, contentType, body: JSON.stringify({ __type: code, message }) }
    }
  }

  #sts(request: AwsRequest): AwsAnswer {
    let asked: Omit<AwsLogEntry, "outcome"> = { service: "sts", action: "unknown" }
    const onExchange = (action: string, parameters: URLSearchParams) => {
      const role = parameters.get("RoleArn")
      const sessionName = parameters.get("RoleSessionName")
      asked = {
        ...{ service: "sts", action },
        ...(role === null ? {} : { role }),
        ...(sessionName === null ? {} : { sessionName }),
      }
      this.#failWhereTold(action)
    }
    const { iam, providers } = this
    try {
      const nowMs = () => Date.now() + this.clockOffsetMs
      const answer = answerSts(request, { iam, providers, nowMs, onExchange })
      this.log.push({ ...asked, outcome: "ok" })
      return answer
    } catch (error) {
      const failure = awsError(error)
      this.log.push({ ...asked, outcome: failure.code })
      return stsError(failure)
    }
  }

  #rolesAnywhere(request: AwsRequest): AwsAnswer {
    const role = Object.fromEntries(request.query).roleArn ?? ""
    const asked = { service: "rolesanywhere", action: "CreateSession", role } as const
    const { iam, trustAnchors } = this
    try {
      this.#failWhereTold("CreateSession")
      const answer = createSession(request, { iam, trustAnchors, nowMs: () => Date.now() + this.clockOffsetMs })
      this.log.push({ ...asked, outcome: "ok" })
      return answer
    } catch (error) {
      const { code, message, status } = awsError(error)
      this.log.push({ ...asked, outcome: code })
      const headers = { "x-amzn-errortype": code }
      return { status, contentType: "application/json", headers, body: JSON.stringify({ message }) }
    }
  }

  #failWhereTold(operation: string): void {
    const index = this.#failures.findIndex((each) => each.operation === operation)
    const [failure] = index < 0 ? [] : this.#failures.splice(index, 1)
    if (failure !== undefined) throw failure.error
  }
}

/** Starts an emulator on a free port of 127.0.0.1. */
export async function startAwsEmulator(options: AwsEmulatorOptions = {}): Promise<AwsEmulator> {
  const emulator = new AwsEmulator(options)
  await emulator.start()
  return emulator
}

function readRequest({ method = "", url = "/", headers }: IncomingMessage, body: Buffer): AwsRequest {
  const { pathname, searchParams } = new URL(url, "http://emulator")
  const flat = Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(",")] as const)
  return { method, path: pathname, query: [...searchParams], headers: Object.fromEntries(flat), body }
}

/** Any error that AWS would not return is a bug of the emulator, and is reported as one. */
function awsError(error: unknown): AwsError {
  return error instanceof AwsError ? error : new AwsError("InternalFailure", String(error), 500)
}
