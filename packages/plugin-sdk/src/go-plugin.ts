export { methodDefinition, methodDefinitions } from "./go-plugin/wire/method-definition.ts"
export { type UnaryCallOptions, unaryCall } from "./go-plugin/wire/unary-call.ts"
export { type UnaryHandlers, unaryImplementation, type WireCall } from "./go-plugin/wire/unary-service.ts"
export { WireError, type WireErrorInfo } from "./go-plugin/wire/wire-error.ts"
