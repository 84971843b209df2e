import type { PluginDefinition, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import { Server, ServerCredentials } from "@grpc/grpc-js"
import { Plugin } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { Config } from "../generated/service/common/config/v1/config_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import { writeHandshake } from "../handshake/handshake-line.ts"
import { createOneTimeCertificate, type OneTimeCertificate } from "../handshake/one-time-certificate.ts"
import type { ServedServices, ServeKind } from "../kinds/kind.ts"
import { channelOptions } from "../wire/method-definition.ts"
import { addUnaryService } from "../wire/unary-service.ts"
import type { AuditReports } from "./audit-reports.ts"
import type { CapturedOutput } from "./captured-output.ts"
import { ConfiguredPlugin } from "./configured-plugin.ts"
import type { Launch } from "./launch.ts"
import { listen } from "./listen.ts"
import { jsonAnswer } from "./own-call.ts"
import { addStandardServices, type OpenStreams } from "./standard-services.ts"

/** Parts of a {@link ServedPlugin}. */
export interface ServedParts<Kind extends PluginKind> {
  readonly definition: PluginDefinition<Kind>
  /** Version of the package, for the host's version information. */
  readonly version: string
  readonly services: PluginServices<Kind>
  readonly audit: AuditReports<Kind>
  readonly serveKind: ServeKind<Kind>
  readonly output: CapturedOutput
  /** Members that the upstream host itself writes into the configuration. */
  readonly hostMembers: readonly string[]
}

/** Longest time for a plugin to release what it holds, in milliseconds; a Go host kills it 2 s after it asked. */
const stopTimeoutMs = 1_200
const drainTimeoutMs = 100

/** A plugin behind a server, from its start to the end of the process. */
export class ServedPlugin<Kind extends PluginKind> {
  readonly #server = new Server(channelOptions)
  readonly #configured: ConfiguredPlugin<Kind>
  readonly #audit: AuditReports<Kind>
  readonly #streams: OpenStreams
  readonly #served: ServedServices
  #cleanUp: () => Promise<void> = async () => undefined
  #isEnding = false

  constructor({ definition, version, services, audit, serveKind, output, hostMembers }: ServedParts<Kind>) {
    this.#configured = new ConfiguredPlugin(definition, services, { version, hostMembers })
    this.#audit = audit
    this.#streams = addStandardServices(this.#server, output, () => this.shutDown())
    const context = { server: this.#server, plugin: this.#configured, clock: services.clock }
    this.#served = serveKind(context)
    this.#configured.onReplaced(() => this.#served.close())
    audit.addTo(this.#server)
    const init = async () => ({ pluginServiceNames: [this.#served.serviceName, Config.typeName] })
    const deinit = async () => {
      await this.#served.close()
      return {}
    }
    addUnaryService(this.#server, Bootstrap, { init, deinit })
    addUnaryService(this.#server, Config, this.#configured.handlers)
    addUnaryService(this.#server, Plugin, { describe: async () => jsonAnswer(definition.manifest) })
  }

  /** Listens where the host wants it. @returns the first line, which tells the host where */
  async listen(launch: Launch): Promise<string> {
    const certificate = createOneTimeCertificate()
    const listening = await listen(this.#server, securedBy(certificate, launch), launch)
    this.#cleanUp = () => listening.cleanUp()
    return writeHandshake({ ...listening, certificate: certificate.raw }, launch.offersMultiplexing)
  }

  /** Ends the process, after the answers that are under way. Idempotent. */
  shutDown(): void {
    if (!this.#isEnding) void this.#end()
    this.#isEnding = true
  }

  async #end(): Promise<void> {
    // The answer to the host's request goes out first.
    await new Promise((resolve) => setImmediate(resolve))
    const kill = setTimeout(() => process.exit(0), stopTimeoutMs)
    this.#streams.end()
    try {
      await this.#served.close()
      await this.#configured.stop()
      // Last: a plugin may report how it logged out.
      this.#audit.end()
      await this.#drain()
      this.#server.forceShutdown()
      await this.#cleanUp()
    } finally {
      clearTimeout(kill)
      process.exit(0)
    }
  }

  async #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.tryShutdown(() => resolve())
      setTimeout(resolve, drainTimeoutMs)
    })
  }
}

/** Only the host that started the process may connect: by the certificate that it showed. */
function securedBy(certificate: OneTimeCertificate, { clientCertificate }: Launch): ServerCredentials {
  const own = { cert_chain: Buffer.from(certificate.certificate), private_key: Buffer.from(certificate.privateKey) }
  return ServerCredentials.createSsl(Buffer.from(clientCertificate), [own], true)
}
