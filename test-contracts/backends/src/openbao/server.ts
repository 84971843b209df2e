import { X509Certificate } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import * as z from "zod"
import { createTestAuthority, type IssuedCertificate, type TestAuthority } from "../certificates.ts"
import { freePorts } from "../free-port.ts"
import { type GuardedProcess, startGuarded } from "../guarded-process.ts"
import { OpenBaoAdmin } from "./admin.ts"
import { type OpenBaoAuditEntry, readAuditFile } from "./audit-file.ts"
import { installOpenBao } from "./install.ts"
import { accepts, servedFingerprint } from "./reachability.ts"
import { writeConfiguration, writeServerCertificate } from "./server-configuration.ts"
import { type OpenBaoAnswer, type OpenBaoRequest, sendToOpenBao } from "./vault-client.ts"

/** Settings of an OpenBao server. */
export interface OpenBaoOptions {
  /** Speaks TLS with a certificate for 127.0.0.1 and localhost from its own authority. Default false. */
  readonly tls?: boolean
  /** Refuses connections without a client certificate from its authority; only with `tls`. Default false. */
  readonly requireClientCertificate?: boolean
  /** Writes its audit file. Default true. */
  readonly audit?: boolean
  /** Name of the node in its cluster. Default `one`. */
  readonly nodeId?: string
  /** Raft's multiplier of its time-outs. Default 1, for quick elections; OpenBao's own default is 5. */
  readonly performanceMultiplier?: number
  /** Whether a standby answers from its own copy. Default true, as OpenBao's. */
  readonly standbyReads?: boolean
  /** Returns the port of 127.0.0.1 at which the other nodes reach its cluster port. Default: the cluster port itself. */
  readonly advertise?: (clusterPort: number) => Promise<number>
}

const initialised = z.object({ keys_base64: z.array(z.string()).length(1), root_token: z.string() })
const startAttempts = 5
const readyWithinMs = 30_000
const pollMs = 50

/**
 * Starts a real OpenBao on a free port of 127.0.0.1 with its data in a temporary folder, initialised and unsealed. It ends
 * with {@link OpenBaoServer.stop}, or when this process ends.
 *
 * Storage is integrated raft with one node: OpenBao 2.7.2 no longer has file storage.
 * @throws {BackendUnavailable} OpenBao cannot be installed here
 */
export async function startOpenBao(options: OpenBaoOptions = {}): Promise<OpenBaoServer> {
  return spawnOpenBao(options, (server) => server.initialise())
}

/** Starts another node of an existing server's cluster; it has no unseal keys of its own. */
export async function joinOpenBao(leader: OpenBaoServer, options: OpenBaoOptions): Promise<OpenBaoServer> {
  return spawnOpenBao(options, (server) => server.join(leader))
}

async function spawnOpenBao(
  options: OpenBaoOptions,
  begin: (server: OpenBaoServer) => Promise<void>,
): Promise<OpenBaoServer> {
  const binary = await installOpenBao()
  const authority = options.tls === true ? await createTestAuthority("OpenBao test authority") : undefined
  const { requireClientCertificate = false, audit = true, nodeId = "one" } = options
  const adminCertificate = requireClientCertificate ? await authority?.issue({ commonName: "admin" }) : undefined
  for (let attempt = 1; ; attempt += 1) {
    const folder = await mkdtemp(join(tmpdir(), "openbao-"))
    const [port = 0, clusterPort = 0] = await freePorts(2)
    const advertisedPort = (await options.advertise?.(clusterPort)) ?? clusterPort
    const settings = { folder, port, clusterPort, advertisedPort, authority, requireClientCertificate, audit, nodeId }
    const { performanceMultiplier = 1, standbyReads = true } = options
    const configFile = await writeConfiguration({ ...settings, performanceMultiplier, standbyReads })
    const server = new OpenBaoServer(binary, folder, configFile, port, advertisedPort, authority, adminCertificate)
    try {
      await begin(server)
      return server
    } catch (error) {
      await server.stop()
      // Another process may take a port between the search and its use.
      if (attempt === startAttempts || !server.log().includes("address already in use")) throw error
    }
  }
}

/** A running OpenBao. */
export class OpenBaoServer {
  readonly host = "127.0.0.1"
  readonly port: number
  /** URL of the server, without a path. */
  readonly address: string
  /** Authority that issued its certificate and also issues client certificates; only with the option `tls`. */
  authority: TestAuthority | undefined
  /** Folder for this server and for files of the test; {@link stop} removes it. */
  readonly folder: string
  rootToken = ""
  unsealKey = ""
  readonly #binary: string
  readonly #configFile: string
  readonly #clusterAddress: string
  readonly #adminCertificate: IssuedCertificate | undefined
  #process: GuardedProcess | undefined

  constructor(
    binary: string,
    folder: string,
    configFile: string,
    port: number,
    advertisedPort: number,
    authority: TestAuthority | undefined,
    adminCertificate: IssuedCertificate | undefined,
  ) {
    this.#adminCertificate = adminCertificate
    this.#binary = binary
    this.#configFile = configFile
    this.#clusterAddress = `127.0.0.1:${advertisedPort}`
    this.folder = folder
    this.port = port
    this.authority = authority
    this.address = `${authority === undefined ? "http" : "https"}://${this.host}:${port}`
  }

  /** The API as root. */
  get admin(): OpenBaoAdmin {
    return new OpenBaoAdmin(this.#endpoint(), this.rootToken)
  }

  /** Process id of the server. @throws {Error} it is not running */
  get processId(): number {
    if (this.#process === undefined || this.#process.hasEnded) throw new Error("OpenBao is not running")
    return this.#process.processId
  }

  /** Starts the process, creates one unseal key and a root token, and unseals. For {@link startOpenBao}. */
  async initialise(): Promise<void> {
    await this.#spawn()
    const answer = await this.send({
      method: "PUT",
      path: "sys/init",
      body: { secret_shares: 1, secret_threshold: 1 },
    })
    const secrets = initialised.parse(answer.body)
    this.rootToken = secrets.root_token
    this.unsealKey = secrets.keys_base64.join("")
    await this.unseal()
  }

  /** Starts the process as another node of the leader's cluster, and unseals. For {@link joinOpenBao}. */
  async join(leader: OpenBaoServer): Promise<void> {
    await this.#spawn()
    await leader.admin.takeVotersAtOnce()
    await this.send({ method: "POST", path: "sys/storage/raft/join", body: { leader_api_addr: leader.address } })
    this.rootToken = leader.rootToken
    this.unsealKey = leader.unsealKey
    await this.unsealStandby()
    await this.#poll("a voter", async () => (await leader.admin.voters()).includes(this.#clusterAddress))
  }

  /** Unseals a node of a cluster; resolves when it is standby or active. */
  async unsealStandby(): Promise<void> {
    await this.#poll("unsealed", async () => {
      await this.send({ method: "PUT", path: "sys/unseal", body: { key: this.unsealKey } })
      const { status } = await this.send({ method: "GET", path: "sys/health" })
      return status === 200 || status === 429
    })
  }

  /** Starts the process again after {@link halt} or {@link kill} and leaves it sealed. */
  async startSealed(): Promise<void> {
    await this.#spawn()
  }

  /** Switches to a certificate from another authority, without an interruption (SIGHUP). */
  async replaceCertificate(authority: TestAuthority): Promise<void> {
    const { certificate } = await writeServerCertificate(this.folder, authority)
    const { fingerprint256 } = new X509Certificate(certificate)
    this.authority = authority
    this.#signal("SIGHUP")
    await this.#poll("serving its new certificate", async () => (await servedFingerprint(this.port)) === fingerprint256)
  }

  /** Sends any request, with the token that the request names. */
  async send(request: OpenBaoRequest): Promise<OpenBaoAnswer> {
    return sendToOpenBao(this.#endpoint(), request)
  }

  /** Seals the server: it answers 503 until {@link unseal}. */
  async seal(): Promise<void> {
    const { status } = await this.send({ method: "PUT", path: "sys/seal", token: this.rootToken })
    if (status !== 204) throw new Error(`OpenBao did not seal: status ${status}`)
    await this.#waitFor("sealed", 503)
  }

  /** Unseals the server; resolves when it is active. */
  async unseal(): Promise<void> {
    await this.send({ method: "PUT", path: "sys/unseal", body: { key: this.unsealKey } })
    await this.#waitFor("active", 200)
  }

  /** Ends the process and keeps the data: connections are refused until {@link start}. */
  async halt(): Promise<void> {
    await this.#process?.stop()
  }

  /** Ends the process without warning (SIGKILL) and keeps the data. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Starts the process again after {@link halt} or {@link kill}, on the same port with the same data, and unseals. */
  async start(): Promise<void> {
    await this.#spawn()
    await this.unseal()
  }

  /** Ends the process and starts it again on the same port with the same data, unsealed. */
  async restart(): Promise<void> {
    await this.halt()
    await this.start()
  }

  /** Suspends the process (SIGSTOP): it accepts connections and does not answer until {@link thaw}. */
  freeze(): void {
    this.#signal("SIGSTOP")
  }

  /** Ends {@link freeze}. */
  thaw(): void {
    this.#signal("SIGCONT")
  }

  /** Reads the server's own audit file. */
  async auditEntries(): Promise<readonly OpenBaoAuditEntry[]> {
    return readAuditFile(join(this.folder, "audit.log"))
  }

  /** The last lines that the server logged. */
  log(): string {
    return this.#process?.output() ?? ""
  }

  /** Ends the process and removes its data. Idempotent. */
  async stop(): Promise<void> {
    await this.kill() // a graceful shutdown takes a second, and nobody reads the data again
    await rm(this.folder, { recursive: true, force: true })
  }

  #endpoint() {
    return {
      address: this.address,
      ...(this.authority === undefined ? {} : { certificateAuthority: this.authority.certificate }),
      ...(this.#adminCertificate === undefined ? {} : { clientCertificate: this.#adminCertificate }),
    }
  }

  #signal(signal: NodeJS.Signals): void {
    process.kill(this.processId, signal)
  }

  async #spawn(): Promise<void> {
    this.#process = await startGuarded(this.#binary, ["server", `-config=${this.#configFile}`])
    await this.#poll("listening", async () => accepts(this.host, this.port))
  }

  async #waitFor(state: string, status: number): Promise<void> {
    await this.#poll(state, async () => (await this.send({ method: "GET", path: "sys/health" })).status === status)
  }

  async #poll(state: string, reached: () => Promise<boolean>): Promise<void> {
    const giveUpAtMs = performance.now() + readyWithinMs
    while (!(await reached())) {
      if (this.#process?.hasEnded === true) throw new Error(`OpenBao ended before it was ${state}:\n${this.log()}`)
      if (performance.now() > giveUpAtMs) throw new Error(`OpenBao is not ${state} in time:\n${this.log()}`)
      await delay(pollMs)
    }
  }
}
