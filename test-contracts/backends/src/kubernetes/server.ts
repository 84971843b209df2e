import { generateKeyPairSync, randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { request } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import * as z from "zod"
import { freePorts } from "../free-port.ts"
import { type GuardedProcess, startGuarded } from "../guarded-process.ts"
import { askShared } from "../shared/ask-shared.ts"
import { installKubernetes } from "./install.ts"

const startAttempts = 5
const readyWithinMs = 60_000
const pollMs = 100
const answerWithinMs = 10_000

const issuedToken = z.object({ status: z.object({ token: z.string() }) })

/** One request to the API server. */
export interface KubernetesRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Path with its query, e.g. `/api/v1/namespaces`. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
}

const connection = z.object({ address: z.string(), adminToken: z.string(), authority: z.string() })

/** The way to an API server on 127.0.0.1 as its administrator. */
type KubernetesConnection = z.infer<typeof connection>

/**
 * Finds the API server that all test files of this run share; like {@link startOwnKubernetes} where none is shared. Files
 * share its namespaces and service accounts, too: each creates what it needs and deletes nothing.
 *
 * @throws {BackendUnavailable} it cannot be built here
 */
export async function startKubernetes(): Promise<KubernetesServer> {
  const shared = await askShared("kubernetes", connection)
  return shared === undefined ? startOwnKubernetes() : new KubernetesServer(shared)
}

/**
 * Starts a real Kubernetes API server with an etcd inside on a free port of 127.0.0.1, its data in a temporary folder. No
 * controllers run with it: no default service accounts, no garbage collection. It ends with
 * {@link KubernetesServer.stop}, or when this process ends.
 * @throws {BackendUnavailable} it cannot be built here
 */
export async function startOwnKubernetes(): Promise<KubernetesServer> {
  const binary = await installKubernetes()
  for (let attempt = 1; ; attempt += 1) {
    // A short path: it contains etcd's sockets, and the path of a socket has at most 107 bytes.
    const folder = await mkdtemp(join(tmpdir(), "k8s-"))
    const [port = 0] = await freePorts(1)
    const adminToken = randomBytes(16).toString("hex")
    const server = await spawn(binary, folder, port, adminToken)
    try {
      await server.untilReady()
      return server
    } catch (error) {
      await server.stop()
      // Another process may take the port between the search and its use.
      if (attempt === startAttempts || !server.log().includes("address already in use")) throw error
    }
  }
}

async function spawn(binary: string, folder: string, port: number, adminToken: string): Promise<KubernetesServer> {
  const keyFile = join(folder, "service-accounts.key")
  const tokenFile = join(folder, "tokens.csv")
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  await writeFile(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 })
  await writeFile(tokenFile, `${adminToken},admin,admin-uid,"system:masters"\n`, { mode: 0o600 })
  const process = await startGuarded(binary, [
    "apiserver",
    `--etcd-dir=${join(folder, "etcd")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.255.0.0/24",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    `--token-auth-file=${tokenFile}`,
    "--authorization-mode=RBAC",
    "--disable-admission-plugins=ServiceAccount",
    "--profiling=false",
  ])
  const address = `https://127.0.0.1:${port}`
  return new KubernetesServer({ address, adminToken, authority: "" }, { process, folder })
}

/** Process and files of a server that this process started. */
interface OwnServer {
  readonly process: GuardedProcess
  readonly folder: string
}

/** A running API server. */
export class KubernetesServer {
  /** URL of the server; its certificate is for 127.0.0.1. */
  readonly address: string
  /** Token of a user with all permissions. */
  readonly adminToken: string
  /** The authority of its certificate, PEM. */
  authority: string
  readonly #own: OwnServer | undefined

  /** @param own - process and files of the server, unless it belongs to somebody else */
  constructor({ address, adminToken, authority }: KubernetesConnection, own?: OwnServer) {
    this.address = address
    this.adminToken = adminToken
    this.authority = authority
    this.#own = own
  }

  /** Waits until the server is ready. For {@link startOwnKubernetes}. */
  async untilReady(): Promise<void> {
    const giveUpAtMs = performance.now() + readyWithinMs
    while (!(await this.#isReady())) {
      if (this.#own?.process.hasEnded) throw new Error(`the API server ended before it was ready:\n${this.log()}`)
      if (performance.now() > giveUpAtMs) throw new Error(`the API server is not ready in time:\n${this.log()}`)
      await delay(pollMs)
    }
  }

  /** Sends a request as the administrator. @returns status and parsed body */
  async send({ method, path, body }: KubernetesRequest): Promise<{ readonly status: number; readonly body: unknown }> {
    const url = new URL(path, this.address)
    const headers = { authorization: `Bearer ${this.adminToken}`, "content-type": "application/json" }
    const options = { method, ca: this.authority, agent: false, signal: AbortSignal.timeout(answerWithinMs), headers }
    return new Promise((resolve, reject) => {
      const outgoing = request(url, options, (response) => {
        const chunks: Buffer[] = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("error", reject)
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8")
          const parsed: unknown = text.startsWith("{") ? JSON.parse(text) : text
          resolve({ status: response.statusCode ?? 0, body: parsed })
        })
      })
      outgoing.once("error", reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** Creates an object at a path unless it exists. */
  async create(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const { status, body: answer } = await this.send({ method: "POST", path, body })
    if (status !== 201 && status !== 409) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`)
  }

  /** Creates a service account, and its namespace if it does not exist. */
  async createServiceAccount(namespace: string, name: string): Promise<void> {
    await this.create("/api/v1/namespaces", { metadata: { name: namespace } })
    await this.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })
  }

  /** Requests a token of a service account, as for a pod's projected volume. */
  async serviceAccountToken(namespace: string, name: string, audience: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
    const spec = { audiences: [audience], expirationSeconds: 600 }
    const { body } = await this.send({ method: "POST", path, body: { spec } })
    return issuedToken.parse(body).status.token
  }

  /** The last lines that the server logged. */
  log(): string {
    return this.#own?.process.output() ?? ""
  }

  /** Ends the process and removes its data, unless the server is shared. Idempotent. */
  async stop(): Promise<void> {
    if (this.#own === undefined) return
    await this.#own.process.stop()
    await rm(this.#own.folder, { recursive: true, force: true })
  }

  async #isReady(): Promise<boolean> {
    try {
      if (this.#own !== undefined) this.authority = await readFile(join(this.#own.folder, "apiserver.crt"), "utf8")
      return (await this.send({ method: "GET", path: "/readyz" })).status === 200
    } catch {
      return false // not yet: the caller polls until its time limit
    }
  }
}
