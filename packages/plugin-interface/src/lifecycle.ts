/** The life of each running plugin, whatever its kind. */
export interface PluginLifecycle {
  /** Connects. Rejects with the reason of `signal` when that fires. */
  start(signal: AbortSignal): Promise<void>
  /** Releases everything. Idempotent, also without a start. */
  stop(): Promise<void>
}
