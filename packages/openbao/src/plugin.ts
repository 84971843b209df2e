import { createHash } from "node:crypto"
import { createOpenBaoClient, type OpenBaoLogin } from "@apeiro-cmk/openbao-client"
import type {
  CallOptions,
  HttpClient,
  KeystorePluginV1,
  KeystoreV1,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import {
  abortReason,
  configurationError,
  definePlugin,
  isAllowedUrl,
  pluginError,
  requireConfiguration,
} from "@apeiro-cmk/plugin-sdk"
import {
  defaultAuthMountPath,
  type KeystoreConfiguration,
  keystoreConfiguration,
  type PluginConfiguration,
  pluginConfiguration,
  setupConfiguration,
} from "./config.ts"
import { fileError } from "./errors.ts"
import { createKeystore, unsupportedReasons } from "./keystore.ts"
import { setupMaterial } from "./setup-material.ts"

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

interface Pool {
  readonly http: HttpClient
  users: number
}

function createOpenBaoPlugin(settings: PluginConfiguration, services: PluginServices): KeystorePluginV1 {
  const { allowedEndpoints, allowedAddresses, requestTimeoutMs, connections } = settings
  const egress = { allowedEndpoints, allowedAddresses }
  /** Connections by TLS identity; within one, by server. */
  const pools = new Map<string, Pool>()
  const open = new Set<KeystoreV1>()
  let stopped = false

  function borrow(certificateAuthority: string | undefined): { http: HttpClient; giveBack: () => Promise<void> } {
    const name = createHash("sha256")
      .update(certificateAuthority ?? "")
      .digest("hex")
    const pool = pools.get(name) ?? { http: makeClient(certificateAuthority), users: 0 }
    pools.set(name, pool)
    pool.users += 1
    return {
      http: pool.http,
      async giveBack() {
        pool.users -= 1
        if (pool.users > 0) return
        pools.delete(name)
        await pool.http.close()
      },
    }
  }

  function makeClient(certificateAuthority: string | undefined): HttpClient {
    return services.createHttpClient({
      egress,
      connections,
      connectTimeoutMs: requestTimeoutMs,
      ...(certificateAuthority === undefined ? {} : { tls: { certificateAuthority } }),
    })
  }

  function loginOf(configuration: KeystoreConfiguration): OpenBaoLogin {
    const {
      auth_mount_path: mountPath = defaultAuthMountPath,
      role_id,
      secret_id,
      secret_id_path,
      token,
    } = configuration
    if (token !== undefined) return { method: "token", token: (call) => token.read(call.signal) }
    if (role_id === undefined) throw configurationError([{ path: ["role_id"], message: "is missing" }])
    if (secret_id !== undefined) {
      return { method: "approle", mountPath, roleId: role_id, secretId: (call) => secret_id.read(call.signal) }
    }
    if (secret_id_path === undefined) throw configurationError([{ path: ["secret_id"], message: "is missing" }])
    const readFile = (call: Pick<CallOptions, "tenantId" | "signal">) =>
      services.files.read(secret_id_path, call).catch((error: unknown) => {
        throw fileError(error, "secret_id_path")
      })
    return { method: "approle", mountPath, roleId: role_id, secretId: readFile }
  }

  return {
    async start(signal) {
      if (signal.aborted) throw abortReason(signal)
    },
    async stop() {
      stopped = true
      await Promise.all([...open].map((keystore) => keystore.close()))
    },
    async openKeystore(input, call) {
      if (stopped) throw pluginError("CANCELLED", "The plugin has been stopped.", "Start the host again.")
      const configuration = requireConfiguration(keystoreConfiguration, input)
      const { vault_address: address, namespace, ca_certificate, mount_path: mountPath, key_name } = configuration
      if (!isAllowedUrl(new URL(address), egress)) {
        const message = "is not among the addresses that the operator allows (allowedEndpoints)"
        throw configurationError([{ path: ["vault_address"], message }])
      }
      const login = loginOf(configuration)
      const { http, giveBack } = borrow(ca_certificate)
      const place = namespace === undefined ? {} : { namespace }
      const { tenantId } = call
      const client = createOpenBaoClient({ address, ...place, login, tenantId, http, requestTimeoutMs, services })
      const keystore = createKeystore({
        client,
        ...place,
        mountPath,
        keyName: key_name,
        services,
        async onClose() {
          open.delete(keystore)
          await giveBack()
        },
      })
      open.add(keystore)
      return keystore
    },
    setupMaterial: (input) => setupMaterial(requireConfiguration(setupConfiguration, input)),
  }
}
