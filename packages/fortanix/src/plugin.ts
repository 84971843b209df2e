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
import { createDsmClient } from "./client.ts"
import { keystoreConfiguration, type PluginConfiguration, pluginConfiguration, setupConfiguration } from "./config.ts"
import { createKeystore, unsupportedReasons } from "./keystore.ts"
import { loginOf } from "./session/login.ts"
import { createSession } from "./session/session.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"
import { createWire } from "./wire.ts"

/** Fortanix Data Security Manager as a keystore of L1 keys. */
export const plugin = definePlugin({
  manifest: {
    name: "fortanix",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "fortanix_dsm",
    displayName: "Fortanix Data Security Manager",
    description: "Keeps L1 keys in a group of Fortanix DSM, by its REST API.",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      hsm_connectivity: { description: "`connected` when DSM answered over TLS." },
      key_operations: { description: "`verified` when a round trip worked and another context was refused." },
      fips_compliance: {
        description: "The FIPS 140 level that DSM states of itself: `level_N_stated_by_server`, else `not_reported`.",
      },
      dsm_version: { description: "Version that DSM states." },
      auth_status: { description: "`authenticated` when DSM accepted the credential." },
      app_permissions: {
        description:
          "`verified` when DSM told the app's permissions in the group, and EXPORT is none; else `unverified`.",
      },
      hsm_audit_log: {
        description: "`verified` when an operation of the test was found in DSM's log; else `unverified`.",
      },
    },
    identityFields: ["dsm_endpoint", "group_id", "key_name"],
    operationsPerHourField: "max_operations_per_hour",
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: createFortanixPlugin,
})

function createFortanixPlugin(settings: PluginConfiguration, services: PluginServices): KeystorePluginV1 {
  const { allowedEndpoints, allowedAddresses, proxy, noProxy, requestTimeoutMs, connections } = settings
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
  const keystores = new OpenKeystores()

  return {
    start: async (signal) => keystores.start(signal),
    stop: () => keystores.stop(),
    async openKeystore(input, { tenantId }) {
      keystores.requireRunning()
      const configuration = requireConfiguration(keystoreConfiguration, input)
      const { dsm_endpoint: endpoint, app_uuid: appId, group_id: group, key_name: keyName } = configuration
      if (!isAllowedUrl(new URL(endpoint), egress)) {
        const message = "is not among the addresses that the operator allows (allowedEndpoints)"
        throw configurationError([{ path: ["dsm_endpoint"], message }])
      }
      const read = tlsIdentityReader(configuration, files)
      const http = createRotatingHttp({ read, borrow: pools.borrow, tenantId, clock, logger })
      const wire = createWire({ endpoint, http, clock, requestTimeoutMs })
      const login = loginOf(configuration, { files, fingerprint: http.fingerprint })
      const session = createSession({ wire, login, tenantId, requestTimeoutMs, services })
      return keystores.hold((onClose) =>
        createKeystore({
          client: createDsmClient(wire, session, login.method),
          ...{ appId, group, keyName, services, mode: configuration.wrap_mode },
          async onClose() {
            onClose()
            await http.close()
          },
        }),
      )
    },
    setupMaterial: async (input) => setupMaterial(requireConfiguration(setupConfiguration, input)),
    upstream: upstreamHooks,
  }
}
