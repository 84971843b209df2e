export { isAddressRange } from "./address-rules.ts"
export { decodeBase64, encodeBase64 } from "./base64.ts"
export { configurationError, parseConfiguration, requireConfiguration } from "./configuration.ts"
export { type ConfigurationHooks, configurationHooks } from "./configuration-hooks.ts"
export { configurationJsonSchema, secretFields } from "./configuration-schema.ts"
export {
  type CheckResult,
  type ConnectionCheck,
  type ConnectionTestSettings,
  runConnectionTest,
} from "./connection-test.ts"
export {
  abortable,
  abortReason,
  type CallSettings,
  callOptions,
  type Deadline,
  type RunningCall,
  withDeadline,
} from "./deadline.ts"
export { definePlugin, type KeystorePluginSource, type PluginSource } from "./define-plugin.ts"
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
export { atMostOne, type FieldRule, type Given, goesWith, has, withRules } from "./field-rules.ts"
export { type WrappingParameters, wrapKeyMaterial } from "./key-material-wrap.ts"
export { OpenKeystores } from "./open-keystores.ts"
export { namesEveryHost, proxyConfiguration, proxyRule } from "./proxy-configuration.ts"
export { type RecordedLogin, recordedLogin } from "./recorded-login.ts"
export { requestConfiguration } from "./request-configuration.ts"
export { retryAfterMs } from "./retry-after.ts"
export { isSecretHandle, secret, secretFromBytes } from "./secret.ts"
export { jsonWithBytes, takeBase64Field } from "./secret-json.ts"
export { fileSecret, isHeaderValue, readText, type SecretSource, unusable } from "./secret-source.ts"
export { singleFlight } from "./single-flight.ts"
export { tenantPath } from "./tenant-path.ts"
export { certificates, certificatesOf, isCertificateBundle } from "./tls/certificates.ts"
export { type BorrowedHttp, createHttpPools, type HttpPools } from "./tls/http-pools.ts"
export { createRotatingHttp, type RotatingHttp, type RotatingHttpOptions } from "./tls/rotating-http.ts"
export { type TlsConfiguration, tlsFields, tlsRules } from "./tls/tls-configuration.ts"
export { type TlsIdentity, tlsIdentityReader } from "./tls/tls-identity.ts"
export { unsupportedOperations } from "./unsupported-operations.ts"
