import type { LogFields, Logger } from "@apeiro-cmk/plugin-interface"

/** Makes a logger that names the plugin in each line. */
export function pluginLogger(logger: Logger, plugin: string): Logger {
  const named = (fields: LogFields | undefined): LogFields => ({ ...fields, plugin })
  return {
    debug: (message, fields) => logger.debug(message, named(fields)),
    info: (message, fields) => logger.info(message, named(fields)),
    warn: (message, fields) => logger.warn(message, named(fields)),
    error: (message, fields) => logger.error(message, named(fields)),
  }
}
