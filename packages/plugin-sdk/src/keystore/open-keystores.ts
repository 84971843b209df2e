import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { abortReason } from "../calls/deadline.ts"
import { pluginError } from "../errors/error-facts.ts"

/** Keystores that a plugin has open, for its `start`, `stop` and `openKeystore`. */
export class OpenKeystores {
  readonly #open = new Set<KeystoreV1>()
  #stopped = false

  /** Starts a plugin that touches no network. @throws {PluginError} the reason of the signal */
  start(signal: AbortSignal): void {
    if (signal.aborted) throw abortReason(signal)
  }

  /** Checks that the plugin still runs. @throws {PluginError} CANCELLED - it has been stopped */
  requireRunning(): void {
    if (this.#stopped) throw pluginError("CANCELLED", "The plugin has been stopped.", "Start the host again.")
  }

  /** Keeps the keystore that `make` returns until it calls `onClose`. */
  hold(make: (onClose: () => void) => KeystoreV1): KeystoreV1 {
    const keystore = make(() => void this.#open.delete(keystore))
    this.#open.add(keystore)
    return keystore
  }

  /** Closes all keystores; from then on {@link requireRunning} throws. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#open].map((keystore) => keystore.close()))
  }
}
