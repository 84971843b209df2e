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
export { type ServeOptions, servePlugin } from "./go-plugin/serve/serve-plugin.ts"
export { methodDefinition, methodDefinitions } from "./go-plugin/wire/method-definition.ts"
export { type UnaryCallOptions, unaryCall } from "./go-plugin/wire/unary-call.ts"
export { type UnaryHandlers, unaryImplementation, type WireCall } from "./go-plugin/wire/unary-service.ts"
export { WireError, type WireErrorInfo } from "./go-plugin/wire/wire-error.ts"
