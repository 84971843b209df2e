import type { ConnectionStep, EncryptionContext, KeystorePluginV1, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { openInProcess, type TestServices, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type OpenBaoOptions, type OpenBaoServer, startOpenBao } from "@apeiro-cmk/test-backends"
import * as z from "zod"
import { plugin } from "../src/index.ts"

const createdToken = z.object({ auth: z.object({ client_token: z.string() }) })

/** Mount of the transit engine in every test. */
export const mount = "openkcm-keys"

/** 32 bytes, like a tenant key. */
export const plaintext: Uint8Array = new TextEncoder().encode("plaintext-canary-of-openbao-test")

export const context: EncryptionContext = { tenantId: "acme", keyId: "l2-of-acme", keyVersion: 1 }

/** The set-up material's policy for one key. */
export function narrowPolicy(key: string): string {
  return `${storyPolicy(key).replace(/path "[^"]*\/data\/[^}]*}/, "")}
    path "${mount}/keys/${key}" { capabilities = ["read"] }`
}

/** The policy of story 4, step 3. */
export function storyPolicy(key: string): string {
  return `path "${mount}/data/${key}" { capabilities = ["read"] }
    path "${mount}/encrypt/${key}" { capabilities = ["update"] }
    path "${mount}/decrypt/${key}" { capabilities = ["update"] }
    path "auth/token/lookup-self" { capabilities = ["read"] }`
}

/** Reaches every key of a mount and, by mistake, can create one. */
export function careless(mountPath: string): string {
  return `path "${mountPath}/encrypt/*" { capabilities = ["create", "update"] }
    path "${mountPath}/decrypt/*" { capabilities = ["create", "update"] }
    path "${mountPath}/keys/*" { capabilities = ["read"] }`
}

/** The README's policy for managing one key, in addition to {@link narrowPolicy}. */
export function lifeCyclePolicy(key: string): string {
  return `${narrowPolicy(key)}
    path "${mount}/keys/${key}" { capabilities = ["read", "update", "delete"] }
    path "${mount}/keys/${key}/rotate" { capabilities = ["update"] }
    path "${mount}/keys/${key}/config" { capabilities = ["update"] }
    path "${mount}/keys/${key}/import" { capabilities = ["update"] }
    path "${mount}/keys/${key}/import_version" { capabilities = ["update"] }
    path "${mount}/wrapping_key" { capabilities = ["read"] }`
}

/** Options of a test for a keystore that it opens. */
export interface OpenOptions {
  /** Default: a new key of type aes256-gcm96. */
  readonly key?: string
  /** Default: {@link narrowPolicy} of the key. */
  readonly policy?: string
  /** Additional or different fields of the configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>
  readonly pluginConfiguration?: Readonly<Record<string, unknown>>
  readonly services?: TestServices
  /** Life of the tokens, in seconds. Default 3600. */
  readonly tokenTtlSeconds?: number
  readonly tokenMaxTtlSeconds?: number
}

/** An open keystore and what it was opened with. */
export interface Opened {
  readonly keystore: KeystoreV1
  readonly plugin: KeystorePluginV1
  readonly services: TestServices
  readonly key: string
  readonly role: string
  readonly roleId: string
  readonly secretId: string
  readonly configuration: Readonly<Record<string, unknown>>
}

/** A real OpenBao with a transit engine and AppRole, and a way to open keystores on it. */
export class OpenBao {
  readonly server: OpenBaoServer
  readonly #plugins: KeystorePluginV1[] = []
  #made = 0

  private constructor(server: OpenBaoServer) {
    this.server = server
  }

  static async start(options: OpenBaoOptions = {}): Promise<OpenBao> {
    return OpenBao.on(await startOpenBao(options))
  }

  /** Prepares a server that is running. */
  static async on(server: OpenBaoServer): Promise<OpenBao> {
    await server.admin.enableTransit(mount)
    await server.admin.enableAuth("approle")
    return new OpenBao(server)
  }

  get admin() {
    return this.server.admin
  }

  /** An unused name. */
  newName(prefix: string): string {
    this.#made += 1
    return `${prefix}-${this.#made}`
  }

  async createKey(type = "aes256-gcm96", options: { exportable?: boolean; derived?: boolean } = {}): Promise<string> {
    const name = this.newName("key")
    await this.admin.createTransitKey({ mount, name, type, ...options })
    return name
  }

  async start(
    pluginConfiguration: Readonly<Record<string, unknown>>,
    services: TestServices,
  ): Promise<KeystorePluginV1> {
    const started = await openInProcess(plugin, {
      services,
      pluginConfiguration: {
        allowedEndpoints: ["https://127.0.0.1:*", "http://127.0.0.1:*"],
        allowedAddresses: ["127.0.0.1/32"],
        ...pluginConfiguration,
      },
    })
    this.#plugins.push(started)
    return started
  }

  /** Opens a keystore by AppRole, with its own role and policy. */
  async open(options: OpenOptions = {}): Promise<Opened> {
    const key = options.key ?? (await this.createKey())
    const role = this.newName("role")
    await this.admin.writePolicy(role, options.policy ?? narrowPolicy(key))
    const { roleId, secretId } = await this.admin.createAppRole({
      name: role,
      policies: [role],
      ...(options.tokenTtlSeconds === undefined ? {} : { tokenTtlSeconds: options.tokenTtlSeconds }),
      ...(options.tokenMaxTtlSeconds === undefined ? {} : { tokenMaxTtlSeconds: options.tokenMaxTtlSeconds }),
    })
    const services = options.services ?? testServices()
    const started = await this.start(options.pluginConfiguration ?? {}, services)
    const configuration = {
      ...this.configuration(key),
      auth_method: "approle",
      role_id: roleId,
      secret_id: secretId,
      ...options.configuration,
    }
    const given = Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== undefined))
    const keystore = await started.openKeystore(given, testCall())
    return { keystore, plugin: started, services, key, role, roleId, secretId, configuration: given }
  }

  /** Opens a keystore with a token. */
  async openWithToken(token: string, options: OpenOptions = {}): Promise<Opened> {
    const byToken = { auth_method: "token", token, role_id: undefined, secret_id: undefined }
    return this.open({ ...options, configuration: { ...byToken, ...options.configuration } })
  }

  /** Creates a key, and a policy of the same name for it. */
  async createKeyAndPolicy(): Promise<string> {
    const key = await this.createKey()
    await this.admin.writePolicy(key, narrowPolicy(key))
    return key
  }

  /** Opens a keystore for a key with these authentication and connection fields. */
  async openAs(
    key: string,
    fields: Readonly<Record<string, unknown>>,
    services: TestServices = testServices(),
    pluginConfiguration: Readonly<Record<string, unknown>> = {},
  ): Promise<KeystoreV1> {
    const started = await this.start(pluginConfiguration, services)
    return started.openKeystore({ ...this.configuration(key), ...fields }, testCall())
  }

  configuration(key: string) {
    const { address, authority } = this.server
    return {
      vault_address: address,
      mount_path: mount,
      key_name: key,
      ...(authority === undefined ? {} : { ca_certificate: authority.certificate }),
    }
  }

  /** Writes to any path as root. */
  async write(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await this.admin.send({ method: "POST", path, body })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  /** The accessor of an auth method. */
  async accessorOf(mountPath: string): Promise<string> {
    const { body } = await this.admin.send({ method: "GET", path: `sys/auth/${mountPath}` })
    return z.object({ data: z.object({ accessor: z.string() }) }).parse(body).data.accessor
  }

  /** A token with this policy alone, without the default policy. */
  async createBareToken(policy: string, settings: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const body = { policies: [policy], no_default_policy: true, no_parent: true, ...settings }
    const answer = await this.admin.send({ method: "POST", path: "auth/token/create", body })
    return createdToken.parse(answer.body).auth.client_token
  }

  async keyExists(key: string): Promise<boolean> {
    return (await this.admin.readTransitKey(mount, key)) !== undefined
  }

  async stop(): Promise<void> {
    await Promise.all(this.#plugins.map((each) => each.stop()))
    await this.server.stop()
  }
}

/** Runs the connection test. @returns its steps by name */
export async function stepsOf(keystore: KeystoreV1): Promise<ReadonlyMap<string, ConnectionStep>> {
  const steps = new Map<string, ConnectionStep>()
  for await (const step of keystore.testConnection(testCall({ timeoutMs: 30_000 }))) steps.set(step.name, step)
  return steps
}

/** Encrypts and decrypts once. */
export async function roundTrip(keystore: KeystoreV1): Promise<Uint8Array> {
  const key = keystore.defaultKey
  const { ciphertext, keyVersion } = await keystore.encrypt({ key, plaintext, context }, testCall())
  return (await keystore.decrypt({ key, ciphertext, keyVersion, context }, testCall())).plaintext
}
