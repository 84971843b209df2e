export { KeystoreInstanceKeyOperation } from "./generated/plugin/keystore/operations/v1/operations_pb.js"
export {
  coreProtocolVersion,
  type Handshake,
  HandshakeError,
  longestHandshakeBytes,
  pluginProtocolVersion,
  readHandshake,
  writeHandshake,
} from "./handshake/handshake-line.ts"
export { readLogLine, type WireLogLevel, type WireLogLine, writeLogLine } from "./handshake/log-line.ts"
export { certificatePem, createOneTimeCertificate, type OneTimeCertificate } from "./handshake/one-time-certificate.ts"
export type { AuditReports } from "./host/audit-receipts.ts"
export { connectPlugin, type PluginConnectionOptions } from "./host/connect-plugin.ts"
export { describePlugin } from "./host/describe-plugin.ts"
export type { PluginConnection } from "./host/plugin-connection.ts"
export { PluginProcessError } from "./host/process-error.ts"
export { loadRemotePlugin, type WirePluginType, wirePluginType } from "./host/remote-plugin.ts"
export { smallNodeArguments, smallNodeEnvironment } from "./host/small-node.ts"
export {
  inheritedVariables,
  type PluginProcessOptions,
  type SpawnedPlugin,
  spawnPlugin,
} from "./host/spawn-plugin.ts"
export { createSupervisor, type Supervisor, type SupervisorOptions } from "./host/supervisor.ts"
export { upstreamKeystoreConfiguration, upstreamKeystorePlugin } from "./kinds/keystore/foreign-keystore.ts"
export { supervisedKeystorePlugin } from "./kinds/keystore/host.ts"
export { remoteKeystorePlugin } from "./kinds/keystore/remote-keystore-plugin.ts"
export type { RemotePlugin } from "./kinds/kind.ts"
export { methodDefinition, methodDefinitions } from "./wire/method-definition.ts"
export { type UnaryCallOptions, unaryCall } from "./wire/unary-call.ts"
export { type UnaryHandlers, unaryImplementation } from "./wire/unary-service.ts"
export type { WireCall } from "./wire/wire-call.ts"
export { WireError, type WireErrorInfo } from "./wire/wire-error.ts"
