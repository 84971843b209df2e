import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { abortReason } from "../calls/deadline.ts"
import { pluginError } from "../errors/error-facts.ts"

/** The keystores that a plugin has open, for its `start`, `stop` and `openKeystore`. */
export class OpenKeystores {
  readonly #open = new Set<KeystoreV1>()
  #stopped = false

  /** All that `start` does for a plugin that touches no network. @throws {PluginError} what the signal was aborted with */
  start(signal: AbortSignal): void {
    if (signal.aborted) throw abortReason(signal)
  }

  /** @throws {PluginError} CANCELLED - the plugin has been stopped */
  requireRunning(): void {
    if (this.#stopped) throw pluginError("CANCELLED", "The plugin has been stopped.", "Start the host again.")
  }

  /** Keeps what `make` returns until it calls `onClose`. */
  hold(make: (onClose: () => void) => KeystoreV1): KeystoreV1 {
    const keystore = make(() => void this.#open.delete(keystore))
    this.#open.add(keystore)
    return keystore
  }

  /** Closes them all; from now on none is opened. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#open].map((keystore) => keystore.close()))
  }
}
