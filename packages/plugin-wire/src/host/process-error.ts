/** A plugin's process cannot be used; the message tells an operator why. */
export class PluginProcessError extends Error {
  /** The last lines of its standard error, at most 20. */
  readonly lastLines: readonly string[]

  constructor(message: string, lastLines: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.name = "PluginProcessError"
    this.lastLines = lastLines
  }
}
