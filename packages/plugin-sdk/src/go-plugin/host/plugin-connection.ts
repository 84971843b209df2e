import { setTimeout as delay } from "node:timers/promises"
import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf"
import { Client, type ClientDuplexStream, type ClientReadableStream, credentials, status } from "@grpc/grpc-js"
import { Health, HealthCheckResponse_ServingStatus } from "../generated/grpc/health/v1/health_pb.js"
import { ConnInfoSchema, GRPCBroker } from "../generated/plugin/grpc_broker_pb.js"
import { GRPCController } from "../generated/plugin/grpc_controller_pb.js"
import { Config } from "../generated/service/common/config/v1/config_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import { certificatePem, createOneTimeCertificate } from "../handshake/one-time-certificate.ts"
import { channelOptions, methodDefinition } from "../wire/method-definition.ts"
import { openAnswers, openStream } from "../wire/open-stream.ts"
import { unaryCall } from "../wire/unary-call.ts"
import { WireError } from "../wire/wire-error.ts"
import { PluginProcessError } from "./process-error.ts"
import { type PluginProcessOptions, type SpawnedPlugin, spawnPlugin } from "./spawn-plugin.ts"

/** What {@link connectPlugin} is told. */
export interface PluginConnectionOptions extends PluginProcessOptions {
  /** Full name of the gRPC service that the plugin must serve. */
  readonly serviceName: string
  /** The plugin configuration, YAML; without it the plugin is not configured, and can only be asked what it is. */
  readonly yamlConfiguration?: string
}

/** A running, configured plugin process. */
export interface PluginConnection {
  readonly processId: number
  /** Full names of the services that it says it serves. */
  readonly serviceNames: readonly string[]
  /** What it says about its build, JSON; empty when nothing. */
  readonly buildInfo: string
  readonly ended: SpawnedPlugin["ended"]
  lastLines(): readonly string[]
  /** @throws {WireError} @throws the reason of `signal` */
  call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: { readonly deadlineMs: number; readonly signal: AbortSignal; readonly serviceName?: string },
  ): Promise<MessageShape<Output>>
  /** Opens a stream in both directions; whoever opens it ends it. */
  openStream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodBiDiStreaming<Input, Output>,
    deadlineMs: number,
  ): ClientDuplexStream<MessageShape<Input>, MessageShape<Output>>
  /** Asks once for a stream of answers. */
  openAnswers<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    deadlineMs: number,
  ): ClientReadableStream<MessageShape<Output>>
  /** Asks for the health of the process; it says nothing about any keystore. @throws {WireError} */
  checkHealth(timeoutMs: number): Promise<void>
  /** Ends it as upstream's host does: Deinit, Shutdown, 2 s, then by force. Idempotent. */
  close(): Promise<void>
  /** Ends it by force. */
  kill(): void
}

/** Under this name go-plugin asks for the health of a plugin. */
const pluginHealthName = "plugin"
const initTimeoutMs = 5_000
const configureTimeoutMs = 30_000
const deinitTimeoutMs = 5_000
const shutdownGraceMs = 2_000
/** Under this id a plugin may look for services of its host; there are none, and it must not wait for them. */
const hostServicesId = 1

/**
 * Starts a plugin process, as upstream's host does, and configures it. Whatever fails after the start ends the process.
 *
 * @throws {PluginProcessError} it cannot be started, speaks another protocol, serves something else, or refuses its
 * configuration
 */
export async function connectPlugin(options: PluginConnectionOptions): Promise<PluginConnection> {
  const own = createOneTimeCertificate()
  const plugin = await spawnPlugin(options, own.certificate)
  const { handshake } = plugin
  const trusted = handshake.certificate === undefined ? undefined : Buffer.from(certificatePem(handshake.certificate))
  const secured = credentials.createSsl(trusted ?? null, Buffer.from(own.privateKey), Buffer.from(own.certificate))
  const target = handshake.network === "unix" ? `unix:${handshake.address}` : handshake.address
  const client = new Client(target, secured, {
    ...channelOptions,
    "grpc.ssl_target_name_override": "localhost",
    "grpc.default_authority": "localhost",
    "grpc.use_local_subchannel_pool": 1,
  })
  const broker = openBroker(client)

  const call: PluginConnection["call"] = (method, request, bounds) => unaryCall(client, method, request, bounds)
  const within = (timeoutMs: number) => ({
    deadlineMs: Date.now() + timeoutMs,
    signal: AbortSignal.timeout(timeoutMs + 1000),
  })
  const disconnect = () => {
    broker.cancel()
    client.close()
  }

  let closed: Promise<void> | undefined
  async function close(): Promise<void> {
    const ignore = () => undefined
    await call(Bootstrap.method.deinit, {}, within(deinitTimeoutMs)).catch(ignore)
    // A Go plugin ends before it answers.
    await call(GRPCController.method.shutdown, {}, within(shutdownGraceMs)).catch(ignore)
    disconnect()
    const grace = delay(shutdownGraceMs, "late" as const, { ref: false })
    if ((await Promise.race([plugin.ended, grace])) === "late") plugin.kill()
    await plugin.ended
  }

  try {
    const { pluginServiceNames } = await call(Bootstrap.method.init, { hostServiceNames: [] }, within(initTimeoutMs))
    if (!pluginServiceNames.includes(options.serviceName)) {
      throw new PluginProcessError(
        `It serves ${pluginServiceNames.join(", ") || "nothing"}, and not ${options.serviceName}.`,
      )
    }
    const { yamlConfiguration } = options
    const isConfigurable = pluginServiceNames.includes(Config.typeName) && yamlConfiguration !== undefined
    const configured = isConfigurable
      ? await call(Config.method.configure, { yamlConfiguration }, within(configureTimeoutMs))
      : undefined
    return {
      processId: plugin.processId,
      serviceNames: pluginServiceNames,
      buildInfo: configured?.buildInfo ?? "",
      ended: plugin.ended,
      lastLines: plugin.lastLines,
      call,
      openStream: (method, deadlineMs) => openStream(client, method, deadlineMs),
      openAnswers: (method, request, deadlineMs) => openAnswers(client, method, request, deadlineMs),
      async checkHealth(timeoutMs) {
        const answer = await call(Health.method.check, { service: pluginHealthName }, within(timeoutMs))
        if (answer.status !== HealthCheckResponse_ServingStatus.SERVING) {
          throw new WireError(status.UNAVAILABLE, "The plugin says that it does not serve.")
        }
      },
      close: () => {
        closed ??= close()
        return closed
      },
      kill: plugin.kill,
    }
  } catch (error) {
    disconnect()
    plugin.kill()
    throw new PluginProcessError(`${options.path}: ${messageOf(error)}`, plugin.lastLines(), { cause: error })
  }
}

/** The stream is mandatory for plugins of upstream's SDK, and each wants to hear of id 1 before it is initialised. */
function openBroker(client: Client): ClientDuplexStream<Message, Message> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(GRPCBroker.method.startStream)
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  // It ends with the connection; a plugin without a broker answers UNIMPLEMENTED.
  stream.on("error", () => undefined)
  stream.on("data", () => undefined)
  stream.write(create(ConnInfoSchema, { serviceId: hostServicesId, network: "unix", address: "" }))
  return stream
}

function messageOf(error: unknown): string {
  if (error instanceof WireError && error.code === status.UNAVAILABLE) return `It cannot be reached: ${error.message}.`
  return error instanceof Error ? error.message : "It could not be used."
}
