import type {
  CallOptions,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import type { PluginConnection } from "./plugin-connection.ts"
import { remoteKeystorePlugin } from "./remote-keystore.ts"
import type { Supervisor } from "./supervisor.ts"

/**
 * A keystore plugin in a process that is watched: calls in flight when it dies are rejected with the origin `plugin`;
 * keystores stay usable, and are opened anew in the next process.
 *
 * @param remote - how the plugin in one process is reached. Default: by our own service
 */
export function supervisedKeystorePlugin(
  supervisor: Supervisor,
  remote: (connection: PluginConnection) => KeystorePluginV1 = remoteKeystorePlugin,
): KeystorePluginV1 {
  const plugins = new WeakMap<PluginConnection, KeystorePluginV1>()
  const present = async (call: Pick<CallOptions, "signal">): Promise<KeystorePluginV1> => {
    const connection = await supervisor.connection(call)
    const plugin = plugins.get(connection) ?? remote(connection)
    plugins.set(connection, plugin)
    return plugin
  }
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    async openKeystore(configuration, call) {
      const plugin = await present(call)
      return survivingKeystore({ configuration, present }, plugin, await plugin.openKeystore(configuration, call))
    },
    setupMaterial: async (configuration, call) => (await present(call)).setupMaterial(configuration, call),
  }
}

interface SurvivingTools {
  readonly configuration: KeystoreConfigurationInput
  /** The plugin in the process that runs now. */
  readonly present: (call: CallOptions) => Promise<KeystorePluginV1>
}

/** A keystore that is opened anew when the process that had it is another one. */
function survivingKeystore(
  { configuration, present: presentPlugin }: SurvivingTools,
  first: KeystorePluginV1,
  opened: KeystoreV1,
): KeystoreV1 {
  let owner = first
  let keystore: Promise<KeystoreV1> = Promise.resolve(opened)
  let isClosed = false

  const present = async (call: CallOptions): Promise<KeystoreV1> => {
    const plugin = await presentPlugin(call)
    if (plugin !== owner && !isClosed) {
      owner = plugin
      keystore = plugin.openKeystore(configuration, call)
      // One that does not open is tried again by the next call.
      keystore.catch(() => {
        if (owner === plugin) owner = first
      })
    }
    return keystore
  }

  return {
    defaultKey: opened.defaultKey,
    encrypt: async (request, call) => (await present(call)).encrypt(request, call),
    decrypt: async (request, call) => (await present(call)).decrypt(request, call),
    describeKey: async (key, call) => (await present(call)).describeKey(key, call),
    listKeyVersions: async (key, call) => (await present(call)).listKeyVersions(key, call),
    createKey: async (request, call) => (await present(call)).createKey(request, call),
    enableKey: async (key, call) => (await present(call)).enableKey(key, call),
    disableKey: async (key, call) => (await present(call)).disableKey(key, call),
    rotateKey: async (key, call) => (await present(call)).rotateKey(key, call),
    deleteKey: async (key, call) => (await present(call)).deleteKey(key, call),
    getImportParameters: async (key, call) => (await present(call)).getImportParameters(key, call),
    importKeyMaterial: async (request, call) => (await present(call)).importKeyMaterial(request, call),
    async *testConnection(call) {
      yield* (await present(call)).testConnection(call)
    },
    probe: async (call) => (await present(call)).probe(call),
    async close() {
      isClosed = true
      const last = await keystore.catch(() => undefined)
      await last?.close()
    },
  }
}
