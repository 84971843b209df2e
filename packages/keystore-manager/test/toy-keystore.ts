import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import {
  type CallOptions,
  CodedError,
  type ConnectionStep,
  type KeystoreV1,
  type SecretHandle,
} from "@apeiro-cmk/plugin-interface"
import {
  abortReason,
  definePlugin,
  encodeEncryptionContext,
  endpoint,
  pluginError,
  requireConfiguration,
  secret,
  unsupportedOperations,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

const unsupported = {
  listKeyVersions: "a toy",
  createKey: "a toy",
  enableKey: "a toy",
  disableKey: "a toy",
  rotateKey: "a toy",
  deleteKey: "a toy",
  importKey: "a toy",
} as const

const keystoreConfiguration = z.strictObject({
  address: endpoint(),
  further_addresses: z.array(endpoint()).max(8).optional(),
  mount_path: z.string().max(100).default("transit"),
  key_name: z.string().min(1).max(100),
  token: secret(),
  pin: secret().optional(),
  note: z.string().max(1000).optional(),
  operations_per_hour: z.int().optional(),
})

/** A keystore server in memory, with switches for its faults. */
export class ToyServer {
  #key = randomBytes(32)
  clusterId = "cluster-1"
  token = "canary-token-of-the-toy"
  state: "ENABLED" | "DISABLED" = "ENABLED"
  exportable: boolean | "unknown" = false
  /** When the key was made, as the server states it; undefined where it does not say. */
  keyMadeAtMs: number | undefined
  /** The fault that each operation meets. */
  fault: "none" | "denied" | "the host cannot record it" | "hangs" | "throws" | "returns another plaintext" = "none"
  /** The fault that a connection test meets in addition to `fault`. */
  testFault: "none" | "throws" | "hangs" | "never ends" | "fails its step" = "none"
  openFault: Error | undefined
  /** Denies what uses the key, and still describes it. */
  deniesUse = false
  describeHangs = false
  /** Called once, after the next answer that describes a key. */
  afterDescribe: (() => unknown) | undefined
  opened = 0
  closed = 0
  readonly encryptedUnder: string[] = []
  readonly tenantsInContexts: string[] = []
  /** Never answers a wrap that another server made. */
  hangsOnForeign = false
  /** Each operation with the request and the keystore that its call names. */
  readonly calls: string[] = []
  /** While set, operations wait for it and ignore their signals. */
  gate: Promise<void> | undefined

  /** Deletes the key and makes another one under its name. */
  replaceKey(): void {
    this.#key = randomBytes(32)
  }

  async enter(operation: string, token: SecretHandle, call: CallOptions): Promise<void> {
    this.calls.push(`${operation} ${call.requestId} ${call.keystoreId}`)
    if (this.fault === "hangs") return new Promise(() => undefined)
    if (this.fault === "throws") throw new Error("a vendor's error with canary-token-of-the-toy inside")
    if (this.fault === "the host cannot record it") {
      throw new CodedError("AUDIT_UNAVAILABLE", "Not durable.", { origin: "host", retryable: true, nextStep: "Look." })
    }
    await this.gate
    if (call.signal.aborted) throw abortReason(call.signal)
    if (operation === "describe" && this.describeHangs) return new Promise(() => undefined)
    const isDenied = this.fault === "denied" || (this.deniesUse && operation !== "describe")
    if (isDenied) throw pluginError("DENIED", `${operation} is denied.`, "Grant it.")
    const bytes = await token.read(call.signal)
    if (Buffer.from(bytes).toString() !== this.token) {
      throw pluginError("CREDENTIAL_REJECTED", "The token is not accepted.", "Enter a valid token.")
    }
  }

  answeredDescribe(): void {
    const then = this.afterDescribe
    this.afterDescribe = undefined
    then?.()
  }

  /** Leads every name of this server to another key. @param clusterId - the same one: the server states no difference */
  moveNames(clusterId: string): void {
    this.#key = randomBytes(32)
    this.clusterId = clusterId
  }

  seal(plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array {
    const nonce = randomBytes(12)
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(associatedData)
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  open(ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array {
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, ciphertext.subarray(0, 12)).setAAD(associatedData)
      decipher.setAuthTag(ciphertext.subarray(-16))
      const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()])
      return this.fault === "returns another plaintext" ? plaintext.fill(7) : plaintext
    } catch {
      throw pluginError("CIPHERTEXT_REJECTED", "The ciphertext is not accepted.", "Use the one that encrypt returned.")
    }
  }
}

/** Makes a plugin whose keystores are {@link ToyServer}s, by address. Opening one reports a login. */
export function toyPlugin(servers: ReadonlyMap<string, ToyServer>) {
  const open = (input: unknown): KeystoreV1 => {
    const { address, mount_path, key_name, token } = requireConfiguration(keystoreConfiguration, input)
    const server = servers.get(address)
    if (server === undefined) throw pluginError("UNREACHABLE", "Nobody listens there.", "Check the address.")
    if (server.openFault !== undefined) throw server.openFault
    server.opened += 1
    return {
      ...unsupportedOperations(unsupported),
      defaultKey: { keyId: key_name },
      async encrypt({ plaintext, context }, call) {
        await server.enter("encrypt", token, call)
        server.encryptedUnder.push(context.keyId)
        server.tenantsInContexts.push(context.tenantId)
        const ciphertext = server.seal(plaintext, encodeEncryptionContext(context))
        return { ciphertext, keyVersion: "1", backendRequestId: "toy-1" }
      },
      async decrypt({ ciphertext, context }, call) {
        await server.enter("decrypt", token, call)
        server.tenantsInContexts.push(context.tenantId)
        if (server.hangsOnForeign && !server.encryptedUnder.includes(context.keyId)) await new Promise(() => undefined)
        return { plaintext: server.open(ciphertext, encodeEncryptionContext(context)) }
      },
      async describeKey(key, call) {
        await server.enter("describe", token, call)
        const identity = `${server.clusterId}/${mount_path}/${key_name}`
        const known = { algorithm: "aes256-gcm96", exportable: server.exportable, latestVersion: "1", warnings: [] }
        server.answeredDescribe()
        const made = server.keyMadeAtMs === undefined ? {} : { latestVersionCreatedAtMs: server.keyMadeAtMs }
        return { key, identity, state: server.state, ...known, ...made }
      },
      testConnection: (call) => steps(server, token, call),
      async probe(call) {
        await server.enter("probe", token, call)
        if (server.exportable === true) throw pluginError("KEY_UNSUITABLE", "The key can be exported.", "Replace it.")
        return { latencyMs: 1 }
      },
      async close() {
        server.closed += 1
      },
    }
  }
  return definePlugin({
    manifest: {
      name: "toy",
      displayName: "Toy",
      description: "A keystore in memory.",
      kind: "keystore",
      contract: "keystore/v1",
      pluginType: "toy",
      capabilities: [],
      unsupported,
      activationFacts: { server_version: { description: "Version of the server." } },
      identityFields: ["address", "mount_path", "key_name"],
      operationsPerHourField: "operations_per_hour",
      productionReady: false,
    },
    configuration: { plugin: z.strictObject({}), keystore: keystoreConfiguration },
    create: (_, { audit }) => ({
      start: async () => undefined,
      stop: async () => undefined,
      async openKeystore(input, call) {
        const keystore = open(input)
        await audit.record({ action: "keystoreLogin", outcome: "success" }, call)
        return keystore
      },
      setupMaterial: async ({ key_name, token }) => [
        { title: "Policy", fileName: "policy.txt", language: "text", text: `allow ${key_name} by ${typeof token}` },
      ],
    }),
  })
}

async function* steps(server: ToyServer, token: SecretHandle, call: CallOptions): AsyncIterable<ConnectionStep> {
  if (server.testFault === "throws") throw new Error("a vendor's error with canary-token-of-the-toy inside")
  if (server.testFault === "hangs") await new Promise(() => undefined)
  try {
    await server.enter("login", token, call)
    yield { name: "authentication", outcome: "passed", durationMs: 1, message: "The token is accepted." }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "INTERNAL"
    yield { name: "authentication", outcome: "failed", durationMs: 1, message: "No login.", nextStep: "Log in.", code }
    return
  }
  if (server.testFault === "fails its step") {
    yield { name: "key_access", outcome: "failed", durationMs: 1, message: "No such key.", code: "KEY_NOT_FOUND" }
    return
  }
  const facts = { server_version: "2.7.2", undeclared: "not for the answer" }
  yield { name: "key_access", outcome: "passed", durationMs: 1, message: "The key is there.", facts }
  while (server.testFault === "never ends") {
    yield { name: "again", outcome: "passed", durationMs: 0, message: "Again." }
  }
}
