export { isAddressRange } from "./address-rules.ts"
export { configurationError, parseConfiguration, requireConfiguration } from "./configuration.ts"
export { configurationJsonSchema, secretFields } from "./configuration-schema.ts"
export {
  abortable,
  abortReason,
  type CallSettings,
  callOptions,
  type Deadline,
  type RunningCall,
  withDeadline,
} from "./deadline.ts"
export { definePlugin, type KeystorePluginSource, type OtherPluginSource } from "./define-plugin.ts"
export { egressConfiguration, isAllowedUrl, requireAllowedUrl } from "./egress-policy.ts"
export { encodeEncryptionContext } from "./encryption-context.ts"
export { endpoint, type ParsedEndpoint, parseEndpoint } from "./endpoint.ts"
export {
  type ErrorFallback,
  type ExtraFacts,
  pluginError,
  scrubbedCause,
  toPluginError,
  unsupported,
} from "./error-facts.ts"
export { type WrappingParameters, wrapKeyMaterial } from "./key-material-wrap.ts"
export { namesEveryHost, proxyConfiguration } from "./proxy-configuration.ts"
export { retryAfterMs } from "./retry-after.ts"
export { isSecretHandle, secret, secretFromBytes } from "./secret.ts"
export { tenantPath } from "./tenant-path.ts"
export { unsupportedOperations } from "./unsupported-operations.ts"
