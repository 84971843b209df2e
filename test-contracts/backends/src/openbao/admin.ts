import * as z from "zod"
import { type OpenBaoAnswer, type OpenBaoEndpoint, type OpenBaoRequest, sendToOpenBao } from "./vault-client.ts"

/** Settings of a new transit key; the names are the server's own (API documentation of the transit engine, "Create key"). */
export interface TransitKeyOptions {
  readonly mount: string
  readonly name: string
  /** Default `aes256-gcm96`. */
  readonly type?: string
  readonly exportable?: boolean
  readonly derived?: boolean
  readonly allowPlaintextBackup?: boolean
}

/** Settings of a new token. */
export interface TokenOptions {
  readonly policies: readonly string[]
  /** Lifetime in seconds. Default 3600. */
  readonly ttlSeconds?: number
  /** Default true. */
  readonly renewable?: boolean
  /** Number of permitted uses; 0, the default, means no limit. */
  readonly usesLimit?: number
}

/** Settings of a new AppRole. */
export interface AppRoleOptions {
  /** Mount of the authentication method. Default `approle`. */
  readonly mount?: string
  readonly name: string
  readonly policies: readonly string[]
  /** Lifetime of its tokens, in seconds. Default 3600. */
  readonly tokenTtlSeconds?: number
  /** Longest lifetime of these tokens with renewals, in seconds. Default: the server's. */
  readonly tokenMaxTtlSeconds?: number
}

/** Credential of an AppRole. */
export interface AppRoleCredential {
  readonly roleId: string
  readonly secretId: string
}

const transitKey = z.object({
  data: z.object({
    type: z.string(),
    latest_version: z.number(),
    exportable: z.boolean(),
    keys: z.record(z.string(), z.unknown()),
  }),
})

/** A transit key as the server describes it. */
export type TransitKey = z.infer<typeof transitKey>["data"]

const health = z.object({ sealed: z.boolean(), version: z.string(), cluster_id: z.string() })

const raftConfiguration = z.object({
  data: z.object({
    config: z.object({ servers: z.array(z.object({ address: z.string(), voter: z.boolean() })) }),
  }),
})

/** The server's API as root: the second route, which a test uses to prepare the server and to check what the plugin did. */
export class OpenBaoAdmin {
  readonly #endpoint: OpenBaoEndpoint
  readonly #token: string
  readonly #namespace: string | undefined

  constructor(endpoint: OpenBaoEndpoint, token: string, namespace?: string) {
    this.#endpoint = endpoint
    this.#token = token
    this.#namespace = namespace
  }

  /** Sends any request as root. @returns the answer, whatever its status */
  async send(request: Omit<OpenBaoRequest, "token" | "namespace">): Promise<OpenBaoAnswer> {
    return sendToOpenBao(this.#endpoint, {
      ...request,
      token: this.#token,
      ...(this.#namespace === undefined ? {} : { namespace: this.#namespace }),
    })
  }

  /** The same API inside a child namespace, which is created if it does not exist. */
  async inNamespace(name: string): Promise<OpenBaoAdmin> {
    await this.#write(`sys/namespaces/${name}`, {})
    return new OpenBaoAdmin(this.#endpoint, this.#token, this.#namespace ? `${this.#namespace}/${name}` : name)
  }

  async enableTransit(mount: string): Promise<void> {
    await this.#write(`sys/mounts/${mount}`, { type: "transit" })
  }

  async createTransitKey(options: TransitKeyOptions): Promise<void> {
    await this.#write(`${options.mount}/keys/${options.name}`, {
      type: options.type ?? "aes256-gcm96",
      exportable: options.exportable ?? false,
      derived: options.derived ?? false,
      allow_plaintext_backup: options.allowPlaintextBackup ?? false,
    })
  }

  /** @returns the server's description of a key; `undefined` when it has no key of this name */
  async readTransitKey(mount: string, name: string): Promise<TransitKey | undefined> {
    const answer = await this.send({ method: "GET", path: `${mount}/keys/${name}` })
    if (answer.status === 404) return undefined
    return transitKey.parse(expectSuccess(answer)).data
  }

  async rotateTransitKey(mount: string, name: string): Promise<void> {
    await this.#write(`${mount}/keys/${name}/rotate`, {})
  }

  /** Changes a key's settings, e.g. `min_decryption_version`, `deletion_allowed`. */
  async configureTransitKey(mount: string, name: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#write(`${mount}/keys/${name}/config`, settings)
  }

  async deleteTransitKey(mount: string, name: string): Promise<void> {
    await this.configureTransitKey(mount, name, { deletion_allowed: true })
    expectSuccess(await this.send({ method: "DELETE", path: `${mount}/keys/${name}` }))
  }

  /** Encrypts as root. @returns the ciphertext in the server's text form, `vault:v1:...` */
  async encrypt(mount: string, name: string, plaintext: Uint8Array, associatedData: Uint8Array): Promise<string> {
    const answer = await this.#write(`${mount}/encrypt/${name}`, {
      plaintext: Buffer.from(plaintext).toString("base64"),
      associated_data: Buffer.from(associatedData).toString("base64"),
    })
    return z.object({ data: z.object({ ciphertext: z.string() }) }).parse(answer).data.ciphertext
  }

  /** Decrypts, as root, a ciphertext of `encrypt` or of a plugin. */
  async decrypt(mount: string, name: string, ciphertext: string, associatedData: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#write(`${mount}/decrypt/${name}`, {
      ciphertext,
      associated_data: Buffer.from(associatedData).toString("base64"),
    })
    const { data } = z.object({ data: z.object({ plaintext: z.string() }) }).parse(answer)
    return Buffer.from(data.plaintext, "base64")
  }

  async writePolicy(name: string, hcl: string): Promise<void> {
    await this.#write(`sys/policies/acl/${name}`, { policy: hcl })
  }

  async createToken(options: TokenOptions): Promise<{ readonly token: string; readonly accessor: string }> {
    const answer = await this.#write("auth/token/create", {
      policies: options.policies,
      ttl: `${options.ttlSeconds ?? 3600}s`,
      renewable: options.renewable ?? true,
      num_uses: options.usesLimit ?? 0,
      no_parent: true,
    })
    const { auth } = z.object({ auth: z.object({ client_token: z.string(), accessor: z.string() }) }).parse(answer)
    return { token: auth.client_token, accessor: auth.accessor }
  }

  async revokeToken(token: string): Promise<void> {
    await this.#write("auth/token/revoke", { token })
  }

  /** Revokes every token that an authentication method issued, e.g. `auth/approle/login`. */
  async revokeTokensOf(prefix: string): Promise<void> {
    await this.#write(`sys/leases/revoke-prefix/${prefix}`, {})
  }

  /** Enables an authentication method, e.g. `approle`, at a path that defaults to its name. */
  async enableAuth(type: string, mount = type): Promise<void> {
    await this.#write(`sys/auth/${mount}`, { type })
  }

  /** Creates a role and one secret id for it. The method must be enabled. */
  async createAppRole(options: AppRoleOptions): Promise<AppRoleCredential> {
    const role = `auth/${options.mount ?? "approle"}/role/${options.name}`
    await this.#write(role, {
      token_policies: options.policies,
      token_ttl: `${options.tokenTtlSeconds ?? 3600}s`,
      ...(options.tokenMaxTtlSeconds === undefined ? {} : { token_max_ttl: `${options.tokenMaxTtlSeconds}s` }),
    })
    const answer = expectSuccess(await this.send({ method: "GET", path: `${role}/role-id` }))
    const { data } = z.object({ data: z.object({ role_id: z.string() }) }).parse(answer)
    return { roleId: data.role_id, secretId: await this.createSecretId(options.name, options.mount) }
  }

  async createSecretId(role: string, mount = "approle"): Promise<string> {
    const answer = await this.#write(`auth/${mount}/role/${role}/secret-id`, {})
    return z.object({ data: z.object({ secret_id: z.string() }) }).parse(answer).data.secret_id
  }

  /** @returns a wrapping token for a new secret id, valid for five minutes and a single use */
  async createWrappedSecretId(role: string, mount = "approle"): Promise<string> {
    const path = `auth/${mount}/role/${role}/secret-id`
    const answer = await this.send({ method: "POST", path, body: {}, wrapTtlSeconds: 300 })
    return z.object({ wrap_info: z.object({ token: z.string() }) }).parse(expectSuccess(answer)).wrap_info.token
  }

  async destroySecretId(role: string, secretId: string, mount = "approle"): Promise<void> {
    await this.#write(`auth/${mount}/role/${role}/secret-id/destroy`, { secret_id: secretId })
  }

  /** Reads the status that the server reports without a token. */
  async health(): Promise<{ readonly sealed: boolean; readonly version: string; readonly clusterId: string }> {
    const answer = await sendToOpenBao(this.#endpoint, { method: "GET", path: "sys/health" })
    const facts = health.parse(answer.body)
    return { sealed: facts.sealed, version: facts.version, clusterId: facts.cluster_id }
  }

  /** Lets nodes that join the cluster vote after one second instead of ten. */
  async takeVotersAtOnce(): Promise<void> {
    await this.#write("sys/storage/raft/autopilot/configuration", { server_stabilization_time: "1s" })
  }

  /** Cluster addresses (`host:port`) of the nodes that vote. */
  async voters(): Promise<readonly string[]> {
    const answer = await this.send({ method: "GET", path: "sys/storage/raft/configuration" })
    const { servers } = raftConfiguration.parse(expectSuccess(answer)).data.config
    return servers.flatMap(({ address, voter }) => (voter ? [address] : []))
  }

  async #write(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    return expectSuccess(await this.send({ method: "POST", path, body }))
  }
}

function expectSuccess(answer: OpenBaoAnswer): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body
  throw new Error(`OpenBao answered the test's request with ${answer.status}: ${JSON.stringify(answer.body)}`)
}
