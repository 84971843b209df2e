import {
  type CallOptions,
  type Clock,
  isPluginError,
  type KeystoreConfigurationInput,
  type KeystorePluginV1,
  type KeystoreV1,
  type Logger,
} from "@apeiro-cmk/plugin-interface"
import { abortable } from "../../deadline.ts"
import { pluginError } from "../../error-facts.ts"
import type { PluginConnection } from "./plugin-connection.ts"
import { remoteKeystorePlugin } from "./remote-keystore.ts"

/** What {@link supervisedKeystorePlugin} is made of. */
export interface SupervisedPluginOptions {
  /** Of the plugin, for the log. */
  readonly name: string
  /** Starts a process. @throws {PluginProcessError} */
  connect(): Promise<PluginConnection>
  /** Of the package, which is pure and needs no process. */
  readonly setupMaterial: KeystorePluginV1["setupMaterial"]
  readonly clock: Clock
  readonly logger: Logger
  /** Spreads restarts: a number from 0 to 1. Default `Math.random`. */
  readonly jitter?: () => number
}

/** One process, from its start to its end. */
interface Generation {
  readonly connection: PluginConnection
  readonly plugin: KeystorePluginV1
}

const firstPauseMs = 200
const longestPauseMs = 10_000
/** A process that dies so often within so long is set aside. */
const mostDeaths = 5
const countedForMs = 60_000

/**
 * Keeps a plugin running as a process: one that dies is started again, after growing pauses; one that dies five times in
 * a minute is set aside until the host starts again. Calls in flight when it dies are rejected with the origin `plugin`;
 * keystores stay usable, and are opened anew in the new process.
 */
export function supervisedKeystorePlugin(options: SupervisedPluginOptions): KeystorePluginV1 {
  const { name, connect, setupMaterial, clock, logger, jitter = Math.random } = options
  let current: Promise<Generation> | undefined
  let isStopping = false
  let cancelRestart: () => void = () => undefined
  let deathsMs: number[] = []
  let setAside: string | undefined

  async function launch(): Promise<Generation> {
    const connection = await connect()
    void connection.ended.then((how) => onDeath(connection, how))
    return { connection, plugin: remoteKeystorePlugin(connection, setupMaterial) }
  }

  function onDeath(connection: PluginConnection, how: number | string): void {
    if (isStopping) return
    logger.error("the plugin's process died", { plugin: name, how, lastLines: connection.lastLines() })
    noteFailure(connection.lastLines())
  }

  /** Decides what happens after a death, or after a start that failed. */
  function noteFailure(lastLines: readonly string[]): void {
    const nowMs = clock.monotonicMs()
    deathsMs = [...deathsMs.filter((each) => each > nowMs - countedForMs), nowMs]
    if (deathsMs.length >= mostDeaths) {
      setAside = lastLines.at(-1) ?? "it said nothing"
      logger.error("the plugin is set aside: its process dies again and again", { plugin: name, lastLines })
      current = undefined
      return
    }
    const pauseMs = Math.min(firstPauseMs * 2 ** (deathsMs.length - 1), longestPauseMs) * (0.5 + jitter() / 2)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancelTimer = clock.after(pauseMs, resolve)
    cancelRestart = () => {
      cancelTimer()
      reject(gone(undefined))
    }
    current = promise.then(launch)
    current.catch((error: unknown) => {
      if (isStopping) return
      logger.error("the plugin's process could not be started again", { plugin: name, reason: messageOf(error) })
      noteFailure([messageOf(error)])
    })
  }

  async function generation(call: Pick<CallOptions, "signal">): Promise<Generation> {
    if (isStopping || current === undefined) throw gone(setAside)
    try {
      return await abortable(current, call.signal)
    } catch (error) {
      throw isPluginError(error) ? error : gone(messageOf(error))
    }
  }

  return {
    async start(signal) {
      current = launch()
      await abortable(current, signal)
    },
    async stop() {
      isStopping = true
      cancelRestart()
      const running = current
      current = undefined
      await running?.then(
        ({ connection }) => connection.close(),
        () => undefined,
      )
    },
    async openKeystore(configuration, call) {
      const { plugin } = await generation(call)
      const opened = await plugin.openKeystore(configuration, call)
      return survivingKeystore({ configuration, tenantId: call.tenantId, generation }, plugin, opened)
    },
    setupMaterial,
  }
}

interface SurvivingTools {
  readonly configuration: KeystoreConfigurationInput
  readonly tenantId: string
  readonly generation: (call: Pick<CallOptions, "signal">) => Promise<Generation>
}

/** A keystore that is opened anew when the process that had it is another one. */
function survivingKeystore(
  { configuration, generation }: SurvivingTools,
  first: KeystorePluginV1,
  opened: KeystoreV1,
): KeystoreV1 {
  let owner = first
  let keystore: Promise<KeystoreV1> = Promise.resolve(opened)
  let isClosed = false

  const present = async (call: CallOptions): Promise<KeystoreV1> => {
    const { plugin } = await generation(call)
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

function gone(reason: string | undefined) {
  const message = reason === undefined ? "The plugin's process is gone." : `The plugin's process is gone: ${reason}.`
  return pluginError("UNREACHABLE", message, "Look at the host's log; start the host again when the cause is mended.", {
    origin: "plugin",
    retryable: reason === undefined,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason"
}
