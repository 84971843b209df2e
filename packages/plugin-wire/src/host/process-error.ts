/** Why a plugin as a process cannot be used, in words for an operator. */
export class PluginProcessError extends Error {
  /** The last lines that it wrote on its standard error. */
  readonly lastLines: readonly string[]

  constructor(message: string, lastLines: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.name = "PluginProcessError"
    this.lastLines = lastLines
  }
}
