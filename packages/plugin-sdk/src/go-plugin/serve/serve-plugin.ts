import type { AnyPluginDefinition, Logger, PluginLifecycle } from "@apeiro-cmk/plugin-interface"
import { Server, ServerCredentials } from "@grpc/grpc-js"
import { systemClock } from "../../clock.ts"
import { createPluginServices } from "../../plugin-services.ts"
import { Plugin } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { Config } from "../generated/service/common/config/v1/config_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import { writeHandshake } from "../handshake/handshake-line.ts"
import { createOneTimeCertificate } from "../handshake/one-time-certificate.ts"
import { jsonAnswer } from "../own-call.ts"
import { channelOptions } from "../wire/method-definition.ts"
import { addUnaryService } from "../wire/unary-service.ts"
import { CapturedOutput } from "./captured-output.ts"
import { createConfigured, type PluginMaker } from "./configured-plugin.ts"
import { LaunchError, readLaunch } from "./launch.ts"
import { listen } from "./listen.ts"
import { watchProcess } from "./process-life.ts"
import type { ServedKind } from "./served-kind.ts"
import { servedKinds } from "./served-kinds.ts"
import { addStandardServices } from "./standard-services.ts"
import { wireLogger } from "./wire-logger.ts"

/** What {@link servePlugin} is told beside the definition. */
export interface ServeOptions {
  /** Of the package, for the host's version information. */
  readonly version: string
  /**
   * Folder with one folder of credential files per tenant. Default: what `APEIRO_CMK_CREDENTIAL_DIRECTORY` says; without
   * it the files that configurations name are refused.
   */
  readonly credentialDirectory?: string
}

/** How long a plugin may take to give back what it holds; a Go host kills it 2 s after it asked. */
const stopTimeoutMs = 1_200

/**
 * Serves a plugin as a process of a go-plugin host (`openkcm/plugin-sdk`): handshake on standard output, AutoMTLS, log
 * lines on standard error. Ends the process: 0 when the host asked for it, 1 with a sentence when nobody could use it.
 */
export async function servePlugin(definition: AnyPluginDefinition, options: ServeOptions): Promise<void> {
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

/** Writes to standard error what the host parses. */
function loggerOf(name: string): Logger {
  return wireLogger(
    name,
    (line) => process.stderr.write(line),
    () => systemClock.nowMs(),
  )
}

async function serve(
  definition: AnyPluginDefinition,
  { version, credentialDirectory = process.env.APEIRO_CMK_CREDENTIAL_DIRECTORY }: ServeOptions,
): Promise<void> {
  const { name, kind: kindName } = definition.manifest
  // The manifest's kind says what `create` gives, and that is what the kind's services take.
  const kind = servedKinds[kindName] as ServedKind<PluginLifecycle>
  const maker = definition as PluginMaker<PluginLifecycle>
  const launch = readLaunch(process.env, kind.types, name)
  const addServices = await kind.loadServices(launch.type)
  const output = new CapturedOutput()
  const writeFirstLine = output.capture(process.stdout)
  const logger = loggerOf(name)
  const services = createPluginServices({
    logger,
    // Without our host there is no audit stream: the host's log has these events.
    audit: { record: async (event, { tenantId }) => logger.info("audit", { tenantId, ...event }) },
    ...(credentialDirectory === undefined ? {} : { credentialDirectory }),
  })

  const server = new Server(channelOptions)
  const configured = createConfigured(maker, services, { version, hostMembers: kind.hostMembers ?? [] })
  const certificate = createOneTimeCertificate()
  let isEnding = false
  const shutDown = () => {
    if (!isEnding) void end()
    isEnding = true
  }
  const streams = addStandardServices(server, output, shutDown)
  const served = addServices({ server, plugin: configured, services })
  configured.onReplaced(() => served.close())
  const init = async () => ({ pluginServiceNames: [served.serviceName, Config.typeName] })
  const deinit = async () => {
    await served.close()
    return {}
  }
  addUnaryService(server, Bootstrap, { init, deinit })
  addUnaryService(server, Config, configured.handlers)
  addUnaryService(server, Plugin, { describe: async () => jsonAnswer(definition.manifest) })

  const secured = ServerCredentials.createSsl(
    Buffer.from(launch.clientCertificate),
    [{ cert_chain: Buffer.from(certificate.certificate), private_key: Buffer.from(certificate.privateKey) }],
    true,
  )
  const listening = await listen(server, secured, launch)
  watchProcess(logger, shutDown)
  writeFirstLine(writeHandshake({ ...listening, certificate: certificate.raw }, launch.offersMultiplexing))

  async function end(): Promise<void> {
    // The answer to the host's request goes out first.
    await new Promise((resolve) => setImmediate(resolve))
    const kill = setTimeout(() => process.exit(0), stopTimeoutMs)
    streams.end()
    try {
      await served.close()
      await configured.stop()
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve())
        setTimeout(resolve, 100)
      })
      server.forceShutdown()
      await listening.cleanUp()
    } finally {
      clearTimeout(kill)
      process.exit(0)
    }
  }
}
