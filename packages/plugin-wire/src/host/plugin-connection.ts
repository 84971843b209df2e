import { setTimeout as delay } from "node:timers/promises"
import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf"
import { type Client, type ClientDuplexStream, type ClientReadableStream, status } from "@grpc/grpc-js"
import { Health, HealthCheckResponse_ServingStatus } from "../generated/grpc/health/v1/health_pb.js"
import { GRPCController } from "../generated/plugin/grpc_controller_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import { openAnswers, openStream } from "../wire/stream.ts"
import { type UnaryCallOptions, unaryCall } from "../wire/unary-call.ts"
import { WireError } from "../wire/wire-error.ts"
import type { SpawnedPlugin } from "./spawn-plugin.ts"
import { within } from "./within.ts"

/** Facts about a process, as it states them itself. */
export interface ConnectedFacts {
  /** Full names of the services that it says it serves. */
  readonly serviceNames: readonly string[]
  /** Facts about its build, JSON; empty when it states none. */
  readonly buildInfo: string
}

/** Under this name go-plugin asks for the health of a plugin. */
const pluginHealthName = "plugin"
const deinitTimeoutMs = 5_000
const shutdownGraceMs = 2_000

/** A running plugin process that is connected and, where it was given a configuration, configured. */
export class PluginConnection {
  readonly processId: number
  readonly serviceNames: readonly string[]
  readonly buildInfo: string
  /** Resolves when the process is gone: with its exit code, or the signal that ended it. */
  readonly ended: SpawnedPlugin["ended"]
  readonly #plugin: SpawnedPlugin
  readonly #client: Client
  readonly #disconnect: () => void
  #closed: Promise<void> | undefined

  /** @param disconnect - ends every stream of the connection, and the connection itself */
  constructor(plugin: SpawnedPlugin, client: Client, disconnect: () => void, facts: ConnectedFacts) {
    this.processId = plugin.processId
    this.ended = plugin.ended
    this.serviceNames = facts.serviceNames
    this.buildInfo = facts.buildInfo
    this.#plugin = plugin
    this.#client = client
    this.#disconnect = disconnect
  }

  /** Returns the last lines of the log of the process, at most 20: its standard error, and why the host ended it. */
  lastLines(): readonly string[] {
    return this.#plugin.lastLines()
  }

  /** Calls a unary method. @throws {WireError} @throws the reason of `signal` when that fires */
  call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: UnaryCallOptions,
  ): Promise<MessageShape<Output>> {
    return unaryCall(this.#client, method, request, options)
  }

  /** Opens a stream in both directions; the caller ends it. */
  openStream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodBiDiStreaming<Input, Output>,
    deadlineMs: number,
  ): ClientDuplexStream<MessageShape<Input>, MessageShape<Output>> {
    return openStream(this.#client, method, deadlineMs)
  }

  /** Sends one request for a stream of answers. */
  openAnswers<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    deadlineMs: number,
  ): ClientReadableStream<MessageShape<Output>> {
    return openAnswers(this.#client, method, request, deadlineMs)
  }

  /** Asks for the health of the process; it says nothing about any backend. @throws {WireError} it does not serve */
  async checkHealth(timeoutMs: number): Promise<void> {
    const answer = await this.call(Health.method.check, { service: pluginHealthName }, within(timeoutMs))
    if (answer.status === HealthCheckResponse_ServingStatus.SERVING) return
    throw new WireError(status.UNAVAILABLE, "The plugin says that it does not serve.")
  }

  /** Ends the process as upstream's host does: Deinit, Shutdown, 2 s, then by force. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Ends the process by force. */
  kill(): void {
    this.#plugin.kill()
  }

  async #close(): Promise<void> {
    const ignore = () => undefined
    await this.call(Bootstrap.method.deinit, {}, within(deinitTimeoutMs)).catch(ignore)
    // A Go plugin ends before it answers.
    await this.call(GRPCController.method.shutdown, {}, within(shutdownGraceMs)).catch(ignore)
    this.#disconnect()
    const grace = delay(shutdownGraceMs, "late" as const, { ref: false })
    if ((await Promise.race([this.ended, grace])) === "late") this.kill()
    await this.ended
  }
}
