import type {
  CallOptions,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  PluginServices,
  SetupDocument,
} from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  createHttpPools,
  createRotatingHttp,
  definePlugin,
  type HttpPools,
  isAllowedUrl,
  OpenKeystores,
  requireConfiguration,
  tlsIdentityReader,
} from "@apeiro-cmk/plugin-sdk"
import { DsmClient } from "./client.ts"
import { keystoreConfiguration, type PluginConfiguration, pluginConfiguration, setupConfiguration } from "./config.ts"
import { FortanixKeystore, unsupportedReasons } from "./keystore.ts"
import { loginOf } from "./session/login.ts"
import { Session } from "./session/session.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"
import { Wire } from "./wire.ts"

/** Wraps with keys of Fortanix Data Security Manager as L1 keys. */
export const plugin = definePlugin({
  manifest: {
    name: "fortanix",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "fortanix_dsm",
    displayName: "Fortanix Data Security Manager",
    description: "Keeps L1 keys in a group of Fortanix DSM, through its REST API.",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      hsm_connectivity: { description: "`connected` when DSM answered over TLS." },
      key_operations: { description: "`verified` when a round trip succeeded and another context was refused." },
      fips_compliance: {
        description: "FIPS 140 level that DSM reports: `level_N_stated_by_server`, else `not_reported`.",
      },
      dsm_version: { description: "Version that DSM reports." },
      auth_status: { description: "`authenticated` when DSM accepted the credential." },
      app_permissions: {
        description:
          "`verified` when DSM showed the app's permissions in the group, without EXPORT; else `unverified`.",
      },
      hsm_audit_log: {
        description: "`verified` when DSM's log has an operation of the test; else `unverified`.",
      },
    },
    identityFields: ["dsm_endpoint", "group_id", "key_name"],
    operationsPerHourField: "max_operations_per_hour",
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (settings, services) => new FortanixPlugin(settings, services),
})

class FortanixPlugin implements KeystorePluginV1 {
  readonly upstream = upstreamHooks
  readonly #settings: PluginConfiguration
  readonly #services: PluginServices
  readonly #pools: HttpPools
  readonly #keystores = new OpenKeystores()

  constructor(settings: PluginConfiguration, services: PluginServices) {
    const { allowedEndpoints, allowedAddresses, proxy, noProxy, requestTimeoutMs, connections } = settings
    this.#settings = settings
    this.#services = services
    this.#pools = createHttpPools((tls) =>
      services.createHttpClient({
        egress: { allowedEndpoints, allowedAddresses },
        tls,
        connections,
        connectTimeoutMs: requestTimeoutMs,
        ...(proxy === undefined ? {} : { proxy: { url: proxy, noProxy } }),
      }),
    )
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#keystores.start(signal)
  }

  async stop(): Promise<void> {
    await this.#keystores.stop()
  }

  async openKeystore(input: KeystoreConfigurationInput, { tenantId }: CallOptions): Promise<KeystoreV1> {
    this.#keystores.requireRunning()
    const configuration = requireConfiguration(keystoreConfiguration, input)
    const { dsm_endpoint: endpoint, app_uuid: appId, group_id: group, key_name: keyName } = configuration
    if (!isAllowedUrl(new URL(endpoint), this.#settings)) {
      const message = "is not among the addresses that the operator allows (allowedEndpoints)"
      throw configurationError([{ path: ["dsm_endpoint"], message }])
    }
    const { requestTimeoutMs, allowedEndpoints } = this.#settings
    const services = this.#services
    const { clock, files, logger } = services
    const read = tlsIdentityReader(configuration, files)
    const http = createRotatingHttp({ read, borrow: (tls) => this.#pools.borrow(tls), tenantId, clock, logger })
    const wire = new Wire({ endpoint, http, clock, requestTimeoutMs })
    const login = loginOf(configuration, { files, allowedEndpoints, fingerprint: () => http.fingerprint() })
    const session = new Session({ wire, login, requestTimeoutMs, services })
    const client = new DsmClient(wire, session, login.method)
    const mode = configuration.wrap_mode
    return this.#keystores.hold((onClose) => {
      const onClosed = async () => {
        onClose()
        await http.close()
      }
      return new FortanixKeystore({ client, appId, group, keyName, mode, services, onClose: onClosed })
    })
  }

  async setupMaterial(input: KeystoreConfigurationInput): Promise<readonly SetupDocument[]> {
    return setupMaterial(requireConfiguration(setupConfiguration, input))
  }
}
