import type {
  CallOptions,
  HttpClient,
  HttpResponse,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  PluginServices,
  SetupDocument,
} from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  definePlugin,
  isAllowedUrl,
  OpenKeystores,
  requireConfiguration,
} from "@apeiro-cmk/plugin-sdk"
import { createKms } from "./client.ts"
import {
  keystoreConfiguration,
  type PluginConfiguration,
  pluginConfiguration,
  regionOf,
  setupConfiguration,
} from "./config.ts"
import { endpointOf } from "./endpoints.ts"
import { AwsKeystore } from "./keystore.ts"
import { loginOf, stsPlace } from "./session/login.ts"
import { openPlatformSession } from "./session/platform-session.ts"
import type { AwsSession } from "./session/session.ts"
import { SessionCache } from "./session/session-cache.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keystore plugin for L1 keys in AWS KMS, with temporary credentials only. */
export const plugin = definePlugin({
  manifest: {
    name: "aws-irsa",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "aws_kms",
    displayName: "AWS KMS",
    description: "Wraps with keys of AWS KMS, through web identity (IRSA) or IAM Roles Anywhere.",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"],
    unsupported: {},
    activationFacts: {
      iam_role: { description: "`assumed` when AWS opened a session for the role." },
      key_region: { description: "Region of the key." },
      key_manager: { description: "Manager of the key, as DescribeKey states it: `CUSTOMER` or `AWS`." },
      key_origin: {
        description: "Origin of the key material, as DescribeKey states it, e.g. `AWS_KMS`, `EXTERNAL`.",
      },
      key_rotation: {
        description: "How often AWS KMS rotates the key; `on demand`, or `unknown` when it is unreadable.",
      },
      encryption_context: { description: "`enforced` when AWS KMS refused a decrypt under another context." },
    },
    identityFields: ["kms_key_id", "region"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (settings, services) => new AwsPlugin(settings, services),
})

/** One loaded plugin: one HTTP client, the platform's session, and the keystores that it has open. */
class AwsPlugin implements KeystorePluginV1 {
  readonly upstream = upstreamHooks
  readonly #settings: PluginConfiguration
  readonly #services: PluginServices
  readonly #keystores = new OpenKeystores()
  readonly #platform: SessionCache
  #client: HttpClient | undefined

  constructor(settings: PluginConfiguration, services: PluginServices) {
    this.#settings = settings
    this.#services = services
    this.#platform = new SessionCache((call) => this.#openPlatformSession(call), services.clock)
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#keystores.start(signal)
  }

  async stop(): Promise<void> {
    await this.#keystores.stop()
    this.#platform.close()
    await this.#client?.close()
  }

  async openKeystore(input: KeystoreConfigurationInput, { tenantId }: CallOptions): Promise<KeystoreV1> {
    this.#keystores.requireRunning()
    const settings = this.#settings
    const services = this.#services
    const { clock } = services
    const configuration = requireConfiguration(keystoreConfiguration, input)
    const region = regionOf(configuration) ?? ""
    const endpoint = endpointOf("kms", region, settings)
    this.#requireAllowed(endpoint)
    let last: { readonly answer: HttpResponse; readonly receivedAtMs: number } | undefined
    const onAnswer = (answer: HttpResponse) => {
      last = { answer, receivedAtMs: clock.nowMs() }
    }
    const http = this.#http()
    const login = loginOf({ settings, configuration, tenantId, http, onAnswer, platform: this.#platform, services })
    const sessions = new SessionCache(login, clock)
    const { requestTimeoutMs, importWrapping: wrapping } = settings
    const kms = createKms({ endpoint, region, http, requestTimeoutMs, sessions, onAnswer })
    const { kms_key_id: keyId, imported_material_valid_days: validDays } = configuration
    return this.#keystores.hold((onClose) => {
      const importing = { clock, wrapping, validDays }
      const lastAnswer = () => last
      return new AwsKeystore({
        ...{ kms, sessions, keyId, region, services, importing, lastAnswer },
        onClose: async () => onClose(),
      })
    })
  }

  async setupMaterial(input: KeystoreConfigurationInput, { tenantId }: CallOptions): Promise<readonly SetupDocument[]> {
    return setupMaterial(requireConfiguration(setupConfiguration, input), tenantId, this.#settings)
  }

  /** One client for all keystores: AWS identifies callers by their signatures, not by their connections. */
  #http(): HttpClient {
    const { allowedEndpoints, allowedAddresses, proxy, noProxy, requestTimeoutMs, connections, certificateAuthority } =
      this.#settings
    this.#client ??= this.#services.createHttpClient({
      egress: { allowedEndpoints, allowedAddresses },
      connections,
      connectTimeoutMs: requestTimeoutMs,
      ...(certificateAuthority === undefined ? {} : { tls: { certificateAuthority } }),
      ...(proxy === undefined ? {} : { proxy: { url: proxy, noProxy } }),
    })
    return this.#client
  }

  async #openPlatformSession(call: CallOptions): Promise<AwsSession> {
    const { webIdentity, sessionName } = this.#settings
    if (webIdentity === undefined) throw new Error("no keystore uses the platform's session without web identity")
    const http = this.#http()
    const place = stsPlace({ settings: this.#settings, http, onAnswer: () => undefined }, webIdentity.region)
    // Keystores of all tenants wait for this session, so it takes no tenant's share.
    return openPlatformSession(place, webIdentity, sessionName, { ...call, tenantId: "", purpose: "login" })
  }

  #requireAllowed(endpoint: string): void {
    if (isAllowedUrl(new URL(endpoint), this.#settings)) return
    const message = `would put its service at ${endpoint}, which the operator does not allow (allowedEndpoints)`
    throw configurationError([{ path: ["region"], message }])
  }
}
