import type { Logger, PluginDefinition, PluginKind } from "@apeiro-cmk/plugin-interface"
import { createPluginServices, systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { wireKinds } from "../kinds/table.ts"
import { AuditReports } from "./audit-reports.ts"
import { CapturedOutput } from "./captured-output.ts"
import { LaunchError, readLaunch } from "./launch.ts"
import { watchProcess } from "./process-life.ts"
import { ServedPlugin } from "./served-plugin.ts"
import { wireLogger } from "./wire-logger.ts"

/** Options of {@link servePlugin}. */
export interface ServeOptions {
  /** Version of the package, for the host's version information. */
  readonly version: string
  /**
   * Folder with one folder of credential files per tenant. Default: the folder that `APEIRO_CMK_CREDENTIAL_DIRECTORY`
   * names; without it, files that configurations name are refused.
   */
  readonly credentialDirectory?: string
}

/** A definition whose kind is known to its type, so that its services are those of this kind. */
export type ServedDefinition<Kind extends PluginKind> = PluginDefinition<Kind> & {
  readonly manifest: { readonly kind: Kind }
}

/**
 * Serves a plugin as a process of a go-plugin host (`openkcm/plugin-sdk`): handshake on standard output, AutoMTLS, log
 * lines on standard error. Ends the process: with 0 when the host asked for it, with 1 and a sentence when it cannot
 * serve.
 */
export async function servePlugin<Kind extends PluginKind>(
  definition: ServedDefinition<Kind>,
  options: ServeOptions,
): Promise<void> {
  const { name } = definition.manifest
  try {
    await serve(definition, options)
  } catch (error) {
    const message = error instanceof LaunchError ? error.message : `${name} cannot serve: ${String(error)}`
    // A host shows plain lines to nobody; a person is spared the JSON.
    if (process.env.PLUGIN_PROTOCOL_VERSIONS === undefined) process.stderr.write(`${message}\n`)
    else loggerOf(name).error(message)
    process.exitCode = 1
  }
}

/** Writes log lines that the host parses to standard error. */
function loggerOf(name: string): Logger {
  return wireLogger(
    name,
    (line) => process.stderr.write(line),
    () => systemClock.nowMs(),
  )
}

async function serve<Kind extends PluginKind>(
  definition: ServedDefinition<Kind>,
  { version, credentialDirectory = process.env.APEIRO_CMK_CREDENTIAL_DIRECTORY }: ServeOptions,
): Promise<void> {
  const { name, kind: kindName } = definition.manifest
  const kind = wireKinds[kindName]
  const launch = readLaunch(process.env, kind.types, name)
  const serveKind = await kind.loadServe(launch.type)
  const output = new CapturedOutput()
  const writeFirstLine = output.capture(process.stdout)
  const logger = loggerOf(name)
  const audit = new AuditReports<Kind>(systemClock, (event, { tenantId, requestId }) =>
    logger.info("audit", { tenantId, requestId, ...event }),
  )
  const services = createPluginServices<Kind>({
    logger,
    audit,
    ...(credentialDirectory === undefined ? {} : { credentialDirectory }),
  })
  const served = new ServedPlugin({
    definition,
    version,
    services,
    audit,
    serveKind,
    output,
    hostMembers: kind.hostMembers ?? [],
  })
  const handshake = await served.listen(launch)
  watchProcess(logger, () => served.shutDown())
  writeFirstLine(handshake)
}
