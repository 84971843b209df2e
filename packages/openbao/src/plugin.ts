import { createOpenBaoClient, UnwrappedSecretIds } from "@apeiro-cmk/openbao-client"
import type {
  CallOptions,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreProviderV1,
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
  type RotatingHttp,
  requireConfiguration,
  TenantMemory,
  tlsIdentityReader,
} from "@apeiro-cmk/plugin-sdk"
import {
  authMountPath,
  type KeystoreConfiguration,
  keystoreConfiguration,
  type PluginConfiguration,
  pluginConfiguration,
  setupConfiguration,
} from "./config.ts"
import { OpenBaoKeystore, unsupportedReasons } from "./keystore.ts"
import { createOpenBaoProvider } from "./provider/provider.ts"
import { loginOf } from "./session/login.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keystore plugin for L1 keys in OpenBao's transit engine. */
export const plugin = definePlugin({
  manifest: {
    name: "openbao",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "openbao",
    displayName: "OpenBao (Vault-Compatible)",
    description: "Keeps L1 keys in the transit engine of an OpenBao server.",
    capabilities: ["listKeyVersions", "createKey", "rotateKey", "deleteKey", "importKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      vault_version: {
        description:
          "`compatible` when a round trip through the transit API worked and the server enforced its context.",
      },
      auth_status: { description: "`authenticated` when OpenBao accepted the credential." },
      policies_applied: {
        description:
          "`verified` when sys/capabilities-self showed the needed capabilities and no access to other keys; else `unverified`.",
      },
      auto_rotate_period: {
        description:
          "How often OpenBao rotates the key automatically, in seconds; `off`, or `unknown` when the key is unreadable.",
      },
      audit_request_ids: {
        description: "Ids under which OpenBao's audit log records the encrypt and the decrypt of the audit test.",
      },
      transit_engine: { description: "`enabled` when the key was found in a transit engine at mount_path." },
    },
    identityFields: ["vault_address", "namespace", "mount_path", "key_name"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (settings, services) => new OpenBaoPlugin(settings, services),
})

/** Most servers and mounts of one tenant whose unwrapped secret ids are held. */
const mostLoginPlaces = 100

/** One loaded plugin: connections by TLS identity, and the keystores that it has open. */
class OpenBaoPlugin implements KeystorePluginV1 {
  readonly upstream = upstreamHooks
  readonly provider?: KeystoreProviderV1
  readonly #settings: PluginConfiguration
  readonly #services: PluginServices
  readonly #pools: HttpPools
  readonly #keystores = new OpenKeystores()
  /** Unwrapped secret ids must outlive the keystore handle; of each tenant by server and mount. */
  readonly #unwrapped = new TenantMemory<UnwrappedSecretIds>(mostLoginPlaces)

  constructor(settings: PluginConfiguration, services: PluginServices) {
    this.#settings = settings
    this.#services = services
    this.#pools = httpPools(settings, services)
    const { platform, platformCredential: credential, requestTimeoutMs } = settings
    if (platform === undefined || credential === undefined) return
    const requireAllowedAddresses = (addresses: Addresses) => this.#requireAllowedAddresses(addresses)
    this.provider = createOpenBaoProvider(
      { ...platform, credential },
      { pools: this.#pools, requestTimeoutMs, services, requireAllowedAddresses },
    )
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#keystores.start(signal)
  }

  stop(): Promise<void> {
    return this.#keystores.stop()
  }

  async openKeystore(input: KeystoreConfigurationInput, { tenantId }: CallOptions): Promise<KeystoreV1> {
    this.#keystores.requireRunning()
    const configuration = requireConfiguration(keystoreConfiguration, input)
    this.#requireAllowedAddresses(configuration)
    const { files, clock, logger } = this.#services
    const read = tlsIdentityReader(configuration, files)
    const http = createRotatingHttp({ read, borrow: (tls) => this.#pools.borrow(tls), tenantId, clock, logger })
    return this.#keystores.hold((onClose) => {
      const onClosed = async () => {
        onClose()
        await http.close()
      }
      return this.#keystoreOf(configuration, tenantId, http, onClosed)
    })
  }

  async setupMaterial(input: KeystoreConfigurationInput): Promise<readonly SetupDocument[]> {
    return setupMaterial(requireConfiguration(setupConfiguration, input))
  }

  #keystoreOf(
    configuration: KeystoreConfiguration,
    tenantId: string,
    http: RotatingHttp,
    onClose: () => Promise<void>,
  ): KeystoreV1 {
    const services = this.#services
    const { vault_address: address, cluster_addresses: clusterAddresses = [], namespace } = configuration
    const unwrapped = () => this.#unwrappedAt(tenantId, configuration)
    const fingerprint = () => http.fingerprint()
    const { allowedEndpoints } = this.#settings
    const login = loginOf(configuration, { files: services.files, allowedEndpoints, fingerprint, unwrapped })
    const place = namespace === undefined ? {} : { namespace }
    const { requestTimeoutMs } = this.#settings
    const { mount_path: mountPath, key_name: keyName } = configuration
    const connection = { address, clusterAddresses, ...place, http, requestTimeoutMs }
    const client = createOpenBaoClient({ ...connection, login, tenantId, services })
    return new OpenBaoKeystore({ client, ...place, mountPath, keyName, services, onClose })
  }

  #unwrappedAt(tenantId: string, configuration: KeystoreConfiguration): UnwrappedSecretIds {
    const { vault_address, namespace = "" } = configuration
    const place = JSON.stringify([vault_address, namespace, authMountPath(configuration)])
    const known = this.#unwrapped.get(tenantId, place) ?? new UnwrappedSecretIds()
    this.#unwrapped.set(tenantId, place, known)
    return known
  }

  #requireAllowedAddresses({ vault_address, cluster_addresses = [] }: Addresses): void {
    const message = "is not among the addresses that the operator allows (allowedEndpoints)"
    const isForbidden = (address: string) => !isAllowedUrl(new URL(address), this.#settings)
    const issues = [
      ...(isForbidden(vault_address) ? [{ path: ["vault_address"], message }] : []),
      ...cluster_addresses.flatMap((address, index) =>
        isForbidden(address) ? [{ path: ["cluster_addresses", index], message }] : [],
      ),
    ]
    if (issues.length > 0) throw configurationError(issues)
  }
}

function httpPools(settings: PluginConfiguration, services: PluginServices): HttpPools {
  const { allowedEndpoints, allowedAddresses, proxy, noProxy, requestTimeoutMs, connections } = settings
  return createHttpPools((tls) =>
    services.createHttpClient({
      egress: { allowedEndpoints, allowedAddresses },
      tls,
      connections,
      connectTimeoutMs: requestTimeoutMs,
      ...(proxy === undefined ? {} : { proxy: { url: proxy, noProxy } }),
    }),
  )
}

type Addresses = Pick<KeystoreConfiguration, "vault_address" | "cluster_addresses">
