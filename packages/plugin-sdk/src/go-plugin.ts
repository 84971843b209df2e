export { KeystoreInstanceKeyOperation } from "./go-plugin/generated/plugin/keystore/operations/v1/operations_pb.js"
export {
  coreProtocolVersion,
  type Handshake,
  HandshakeError,
  longestHandshakeBytes,
  pluginProtocolVersion,
  readHandshake,
  writeHandshake,
} from "./go-plugin/handshake/handshake-line.ts"
export { readLogLine, type WireLogLevel, type WireLogLine, writeLogLine } from "./go-plugin/handshake/log-line.ts"
export {
  certificatePem,
  createOneTimeCertificate,
  type OneTimeCertificate,
} from "./go-plugin/handshake/one-time-certificate.ts"
export { describePlugin } from "./go-plugin/host/describe-plugin.ts"
export {
  connectPlugin,
  type PluginConnection,
  type PluginConnectionOptions,
} from "./go-plugin/host/plugin-connection.ts"
export { PluginProcessError } from "./go-plugin/host/process-error.ts"
export { remoteKeystorePlugin } from "./go-plugin/host/remote-keystore.ts"
export {
  inheritedVariables,
  type PluginProcessOptions,
  type SpawnedPlugin,
  spawnPlugin,
} from "./go-plugin/host/spawn-plugin.ts"
export { supervisedKeystorePlugin } from "./go-plugin/host/supervised-keystore.ts"
export { supervisedPlugin, type WirePluginType, wirePluginTypes } from "./go-plugin/host/supervised-plugin.ts"
export { createSupervisor, type Supervisor, type SupervisorOptions } from "./go-plugin/host/supervisor.ts"
export { upstreamKeystoreConfiguration, upstreamKeystorePlugin } from "./go-plugin/host/upstream-keystore.ts"
export { type ServeOptions, servePlugin } from "./go-plugin/serve/serve-plugin.ts"
export { smallNodeArguments, smallNodeEnvironment } from "./go-plugin/small-node.ts"
export { methodDefinition, methodDefinitions } from "./go-plugin/wire/method-definition.ts"
export { type UnaryCallOptions, unaryCall } from "./go-plugin/wire/unary-call.ts"
export { type UnaryHandlers, unaryImplementation, type WireCall } from "./go-plugin/wire/unary-service.ts"
export { WireError, type WireErrorInfo } from "./go-plugin/wire/wire-error.ts"
