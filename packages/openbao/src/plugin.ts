import { createOpenBaoClient, UnwrappedSecretIds } from "@apeiro-cmk/openbao-client"
import type { KeystorePluginV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  createHttpPools,
  createRotatingHttp,
  definePlugin,
  isAllowedUrl,
  OpenKeystores,
  requireConfiguration,
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
import { createKeystore, unsupportedReasons } from "./keystore.ts"
import { createOpenBaoProvider } from "./provider/provider.ts"
import { loginOf } from "./session/login.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"

/** OpenBao's transit engine as a keystore of L1 keys. */
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
        description: "`compatible` when a round trip through the transit API worked and its context was enforced.",
      },
      auth_status: { description: "`authenticated` when OpenBao accepted the credential." },
      policies_applied: {
        description:
          "`verified` when sys/capabilities-self showed what is needed, and no access to other keys; else `unverified`.",
      },
      auto_rotate_period: {
        description:
          "How often OpenBao rotates the key by itself, in seconds; `off`, or `unknown` when it is unreadable.",
      },
      audit_request_ids: {
        description: "Ids under which OpenBao's audit log has the encrypt and the decrypt of the audit test.",
      },
      transit_engine: { description: "`enabled` when the key was found in a transit engine at mount_path." },
    },
    identityFields: ["vault_address", "namespace", "mount_path", "key_name"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: createOpenBaoPlugin,
})

function createOpenBaoPlugin(settings: PluginConfiguration, services: PluginServices): KeystorePluginV1 {
  const {
    allowedEndpoints,
    allowedAddresses,
    proxy,
    noProxy,
    requestTimeoutMs,
    connections,
    platform,
    platformCredential: credential,
  } = settings
  const { clock, files, logger } = services
  const egress = { allowedEndpoints, allowedAddresses }
  const pools = createHttpPools((tls) =>
    services.createHttpClient({
      egress,
      tls,
      connections,
      connectTimeoutMs: requestTimeoutMs,
      ...(proxy === undefined ? {} : { proxy: { url: proxy, noProxy } }),
    }),
  )
  /** What was unwrapped outlives the keystore handle, by tenant, server and mount. */
  const unwrapped = new Map<string, UnwrappedSecretIds>()
  const keystores = new OpenKeystores()

  function unwrappedAt(tenantId: string, configuration: KeystoreConfiguration): UnwrappedSecretIds {
    const { vault_address, namespace = "" } = configuration
    const place = JSON.stringify([tenantId, vault_address, namespace, authMountPath(configuration)])
    const known = unwrapped.get(place) ?? new UnwrappedSecretIds()
    unwrapped.set(place, known)
    return known
  }

  function requireAllowedAddresses({ vault_address, cluster_addresses = [] }: Addresses): void {
    const message = "is not among the addresses that the operator allows (allowedEndpoints)"
    const isForbidden = (address: string) => !isAllowedUrl(new URL(address), egress)
    const issues = [
      ...(isForbidden(vault_address) ? [{ path: ["vault_address"], message }] : []),
      ...cluster_addresses.flatMap((address, index) =>
        isForbidden(address) ? [{ path: ["cluster_addresses", index], message }] : [],
      ),
    ]
    if (issues.length > 0) throw configurationError(issues)
  }

  return {
    start: async (signal) => keystores.start(signal),
    stop: () => keystores.stop(),
    async openKeystore(input, { tenantId }) {
      keystores.requireRunning()
      const configuration = requireConfiguration(keystoreConfiguration, input)
      requireAllowedAddresses(configuration)
      const { vault_address: address, cluster_addresses: clusterAddresses = [], namespace } = configuration
      const { borrow } = pools
      const read = tlsIdentityReader(configuration, files)
      const http = createRotatingHttp({ read, borrow, tenantId, clock, logger })
      const { fingerprint } = http
      const login = loginOf(configuration, { files, fingerprint, unwrapped: unwrappedAt(tenantId, configuration) })
      const place = namespace === undefined ? {} : { namespace }
      const client = createOpenBaoClient({
        address,
        clusterAddresses,
        ...place,
        login,
        tenantId,
        http,
        requestTimeoutMs,
        services,
      })
      return keystores.hold((onClose) =>
        createKeystore({
          client,
          ...place,
          mountPath: configuration.mount_path,
          keyName: configuration.key_name,
          services,
          async onClose() {
            onClose()
            await http.close()
          },
        }),
      )
    },
    setupMaterial: async (input) => setupMaterial(requireConfiguration(setupConfiguration, input)),
    upstream: upstreamHooks,
    ...(platform === undefined || credential === undefined
      ? {}
      : {
          provider: createOpenBaoProvider(
            { ...platform, credential },
            { pools, requestTimeoutMs, services, requireAllowedAddresses },
          ),
        }),
  }
}

type Addresses = Pick<KeystoreConfiguration, "vault_address" | "cluster_addresses">
