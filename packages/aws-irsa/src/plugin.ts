import type { HttpClient, HttpResponse, KeystorePluginV1, PluginServices } from "@apeiro-cmk/plugin-interface"
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
import { createKeystore } from "./keystore.ts"
import { loginOf, stsPlace } from "./session/login.ts"
import { openPlatformSession } from "./session/platform-session.ts"
import { SessionCache } from "./session/session-cache.ts"
import { setupMaterial } from "./setup-material.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keys of AWS KMS as L1 keys, by temporary credentials alone. */
export const plugin = definePlugin({
  manifest: {
    name: "aws-irsa",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "aws_kms",
    displayName: "AWS KMS",
    description: "Wraps with keys of AWS KMS, by web identity (IRSA) or IAM Roles Anywhere.",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"],
    unsupported: {},
    activationFacts: {
      iam_role: { description: "`assumed` when AWS gave a session for the role." },
      key_region: { description: "Region of the key." },
      key_manager: { description: "Who manages the key, as DescribeKey states it: `CUSTOMER` or `AWS`." },
      key_origin: {
        description: "Where its material came from, as DescribeKey states it, e.g. `AWS_KMS`, `EXTERNAL`.",
      },
      key_rotation: {
        description: "How often AWS KMS rotates the key; `on demand`, or `unknown` when it is unreadable.",
      },
      encryption_context: { description: "`enforced` when a decrypt under another context was refused." },
    },
    identityFields: ["kms_key_id", "region"],
    productionReady: true,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: createAwsPlugin,
})

function createAwsPlugin(settings: PluginConfiguration, services: PluginServices): KeystorePluginV1 {
  const {
    allowedEndpoints,
    allowedAddresses,
    proxy,
    noProxy,
    requestTimeoutMs,
    connections,
    webIdentity,
    certificateAuthority,
  } = settings
  const { clock } = services
  const egress = { allowedEndpoints, allowedAddresses }
  const keystores = new OpenKeystores()
  let client: HttpClient | undefined

  /** One for all: AWS knows callers by their signatures, not by their connections. */
  const http = () => {
    client ??= services.createHttpClient({
      egress,
      connections,
      connectTimeoutMs: requestTimeoutMs,
      ...(certificateAuthority === undefined ? {} : { tls: { certificateAuthority } }),
      ...(proxy === undefined ? {} : { proxy: { url: proxy, noProxy } }),
    })
    return client
  }

  const platform = new SessionCache(async (call) => {
    if (webIdentity === undefined) throw new Error("no keystore asks for this without web identity")
    const place = stsPlace({ settings, http: http(), onAnswer: () => undefined }, webIdentity.region)
    return openPlatformSession(place, webIdentity, settings.sessionName, call)
  }, clock)

  function requireAllowed(endpoint: string): void {
    if (isAllowedUrl(new URL(endpoint), egress)) return
    const message = `its service would be at ${endpoint}, which the operator does not allow (allowedEndpoints)`
    throw configurationError([{ path: ["region"], message }])
  }

  return {
    start: async (signal) => keystores.start(signal),
    async stop() {
      await keystores.stop()
      platform.close()
      await client?.close()
    },
    async openKeystore(input, { tenantId }) {
      keystores.requireRunning()
      const configuration = requireConfiguration(keystoreConfiguration, input)
      const region = regionOf(configuration) ?? ""
      const endpoint = endpointOf("kms", region, settings)
      requireAllowed(endpoint)
      let last: { readonly answer: HttpResponse; readonly receivedAtMs: number } | undefined
      const onAnswer = (answer: HttpResponse) => {
        last = { answer, receivedAtMs: clock.nowMs() }
      }
      const login = loginOf({ settings, configuration, tenantId, http: http(), onAnswer, platform, services })
      const sessions = new SessionCache(login, clock)
      const kms = createKms({ endpoint, region, http: http(), requestTimeoutMs, sessions, onAnswer })
      const { imported_material_valid_days: validDays } = configuration
      return keystores.hold((onClose) =>
        createKeystore({
          ...{ kms, sessions, keyId: configuration.kms_key_id, region, services },
          importing: { clock, wrapping: settings.importWrapping, validDays },
          lastAnswer: () => last,
          onClose: async () => onClose(),
        }),
      )
    },
    setupMaterial: async (input, { tenantId }) =>
      setupMaterial(requireConfiguration(setupConfiguration, input), tenantId, settings),
    upstream: upstreamHooks,
  }
}
