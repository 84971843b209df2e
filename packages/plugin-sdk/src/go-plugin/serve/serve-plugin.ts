import type { KeystorePluginDefinitionV1 } from "@apeiro-cmk/plugin-interface"
import { Server, ServerCredentials } from "@grpc/grpc-js"
import { systemClock } from "../../clock.ts"
import { createPluginServices } from "../../plugin-services.ts"
import { Config } from "../generated/service/common/config/v1/config_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import { writeHandshake } from "../handshake/handshake-line.ts"
import { createOneTimeCertificate } from "../handshake/one-time-certificate.ts"
import { addHandleService } from "../keystore/handle-service.ts"
import { addKeystoreService, keystoreTypes } from "../keystore/keystore-service.ts"
import { channelOptions, methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation } from "../wire/unary-service.ts"
import { CapturedOutput } from "./captured-output.ts"
import { createConfigured } from "./configured-plugin.ts"
import { LaunchError, readLaunch } from "./launch.ts"
import { listen } from "./listen.ts"
import { watchProcess } from "./process-life.ts"
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
export async function servePlugin(definition: KeystorePluginDefinitionV1, options: ServeOptions): Promise<void> {
  const { name } = definition.manifest
  try {
    await serve(definition, options)
  } catch (error) {
    const message = error instanceof LaunchError ? error.message : `${name} cannot serve: ${String(error)}`
    process.stderr.write(`${message}\n`)
    process.exitCode = 1
  }
}

async function serve(
  definition: KeystorePluginDefinitionV1,
  { version, credentialDirectory = process.env.APEIRO_CMK_CREDENTIAL_DIRECTORY }: ServeOptions,
): Promise<void> {
  const { name } = definition.manifest
  const launch = readLaunch(process.env, keystoreTypes, name)
  const output = new CapturedOutput()
  const writeFirstLine = output.capture(process.stdout)
  const logger = wireLogger(
    name,
    (line) => process.stderr.write(line),
    () => systemClock.nowMs(),
  )
  const services = createPluginServices({
    logger,
    // Without our host there is no audit stream: the host's log has these events.
    audit: { record: async (event, { tenantId }) => logger.info("audit", { tenantId, ...event }) },
    ...(credentialDirectory === undefined ? {} : { credentialDirectory }),
  })

  const server = new Server(channelOptions)
  const configured = createConfigured(definition, services, version)
  const certificate = createOneTimeCertificate()
  let isEnding = false
  const shutDown = () => {
    if (!isEnding) void end()
    isEnding = true
  }
  const streams = addStandardServices(server, output, shutDown)
  const keystores = addKeystoreService(server, configured, services)
  const closeHandles = addHandleService(server, configured, services)
  const closeKeystores = () => Promise.all([keystores.close(), closeHandles()])
  configured.onReplaced(async () => void (await closeKeystores()))
  const pluginServiceNames = [keystores.serviceName, Config.typeName]
  const bootstrap = {
    init: async () => ({ pluginServiceNames }),
    deinit: async () => {
      await closeKeystores()
      return {}
    },
  }
  server.addService(methodDefinitions(Bootstrap), unaryImplementation(Bootstrap, bootstrap))
  server.addService(methodDefinitions(Config), unaryImplementation(Config, configured.handlers))

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
      await closeKeystores()
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
