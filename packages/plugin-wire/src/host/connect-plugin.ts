import { setTimeout as delay } from "node:timers/promises"
import { create } from "@bufbuild/protobuf"
import { Client, type ClientDuplexStream, credentials, status } from "@grpc/grpc-js"
import { type ConnInfo, ConnInfoSchema, GRPCBroker } from "../generated/plugin/grpc_broker_pb.js"
import { Config } from "../generated/service/common/config/v1/config_pb.js"
import { Bootstrap } from "../generated/service/init/v1/init_pb.js"
import type { Handshake } from "../handshake/handshake-line.ts"
import { certificatePem, createOneTimeCertificate, type OneTimeCertificate } from "../handshake/one-time-certificate.ts"
import { channelOptions } from "../wire/method-definition.ts"
import { openStream } from "../wire/stream.ts"
import { unaryCall } from "../wire/unary-call.ts"
import { WireError } from "../wire/wire-error.ts"
import { type AuditReports, openAuditReports } from "./audit-receipts.ts"
import { type ConnectedFacts, PluginConnection } from "./plugin-connection.ts"
import { PluginProcessError } from "./process-error.ts"
import { type PluginProcessOptions, type SpawnedPlugin, spawnPlugin } from "./spawn-plugin.ts"
import { within } from "./within.ts"

/** Options of {@link connectPlugin}. */
export interface PluginConnectionOptions extends PluginProcessOptions {
  /** Full name of the gRPC service that the plugin must serve. */
  readonly serviceName: string
  /** The plugin configuration, YAML. Default: the plugin is not configured, and can only be asked what it is. */
  readonly yamlConfiguration?: string
  /** Where the plugin's audit events go. Default: the plugin writes them into its log. */
  readonly audit?: AuditReports
}

const initTimeoutMs = 5_000
const configureTimeoutMs = 30_000
const auditTimeoutMs = 5_000
/** A process that ends in order ends its audit stream first; one that still runs after this time has lost the stream. */
const lostAuditGraceMs = 2_000
/** Under this id a plugin may look for services of its host; there are none, and it must not wait for them. */
const hostServicesId = 1

/**
 * Starts a plugin process, as upstream's host does, and configures it. Any failure after the start ends the process.
 *
 * @throws {PluginProcessError} it cannot be started, speaks another protocol, serves something else, or refuses its
 * configuration
 */
export async function connectPlugin(options: PluginConnectionOptions): Promise<PluginConnection> {
  const own = createOneTimeCertificate()
  const plugin = await spawnPlugin(options, own.certificate)
  const client = clientOf(plugin.handshake, own)
  const broker = openBroker(client)
  let endAudit: (() => void) | undefined
  let isDisconnected = false
  const disconnect = () => {
    isDisconnected = true
    endAudit?.()
    broker.cancel()
    client.close()
  }
  try {
    const serviceNames = await initialize(client, options.serviceName)
    // Before Configure: a plugin may log in as soon as it starts.
    if (options.audit !== undefined) {
      const onLost = () => void endUnlessEnding(plugin, () => isDisconnected)
      endAudit = await openAuditReports(client, options.audit, auditTimeoutMs, onLost)
    }
    const facts = { serviceNames, buildInfo: await configure(client, serviceNames, options) }
    return new PluginConnection(plugin, client, disconnect, facts)
  } catch (error) {
    disconnect()
    plugin.kill()
    throw new PluginProcessError(`${options.path}: ${messageOf(error)}`, plugin.lastLines(), { cause: error })
  }
}

/** Ends a process that can no longer report its audit events: every login in it would fail from now on. */
async function endUnlessEnding(plugin: SpawnedPlugin, isDisconnected: () => boolean): Promise<void> {
  const grace = delay(lostAuditGraceMs, "late" as const, { ref: false })
  const outcome = await Promise.race([plugin.ended, grace])
  if (outcome !== "late" || isDisconnected()) return
  plugin.kill("The host ended the process because it ended the stream of its audit events and continued to run.")
}

function clientOf(handshake: Handshake, own: OneTimeCertificate): Client {
  const trusted = handshake.certificate === undefined ? null : Buffer.from(certificatePem(handshake.certificate))
  const secured = credentials.createSsl(trusted, Buffer.from(own.privateKey), Buffer.from(own.certificate))
  const target = handshake.network === "unix" ? `unix:${handshake.address}` : handshake.address
  return new Client(target, secured, {
    ...channelOptions,
    "grpc.ssl_target_name_override": "localhost",
    "grpc.default_authority": "localhost",
    "grpc.use_local_subchannel_pool": 1,
  })
}

/** Plugins of upstream's SDK need the stream, and each waits for id 1 on it before it is initialized. */
function openBroker(client: Client): Pick<ClientDuplexStream<ConnInfo, ConnInfo>, "cancel"> {
  const stream = openStream(client, GRPCBroker.method.startStream)
  // It ends with the connection; a plugin without a broker answers UNIMPLEMENTED.
  stream.on("error", () => undefined)
  stream.on("data", () => undefined)
  stream.write(create(ConnInfoSchema, { serviceId: hostServicesId, network: "unix", address: "" }))
  return stream
}

async function initialize(client: Client, serviceName: string): Promise<ConnectedFacts["serviceNames"]> {
  const { init } = Bootstrap.method
  const { pluginServiceNames } = await unaryCall(client, init, { hostServiceNames: [] }, within(initTimeoutMs))
  if (pluginServiceNames.includes(serviceName)) return pluginServiceNames
  throw new PluginProcessError(`It serves ${pluginServiceNames.join(", ") || "nothing"}, and not ${serviceName}.`)
}

/** Configures the process, where there is a configuration and the process takes one. @returns facts about its build */
async function configure(
  client: Client,
  serviceNames: readonly string[],
  { yamlConfiguration }: PluginConnectionOptions,
): Promise<string> {
  if (yamlConfiguration === undefined || !serviceNames.includes(Config.typeName)) return ""
  const bounds = within(configureTimeoutMs)
  const { buildInfo = "" } = await unaryCall(client, Config.method.configure, { yamlConfiguration }, bounds)
  return buildInfo
}

function messageOf(error: unknown): string {
  if (error instanceof WireError && error.code === status.UNAVAILABLE) return `It cannot be reached: ${error.message}.`
  return error instanceof Error ? error.message : "It could not be used."
}
