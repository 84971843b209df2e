export { type RecordedLogin, recordedLogin } from "./audit/recorded-login.ts"
export {
  type CheckResult,
  type ConnectionCheck,
  type ConnectionTestSettings,
  runConnectionTest,
} from "./calls/connection-test.ts"
export {
  abortable,
  abortReason,
  type CallSettings,
  callOptions,
  type Deadline,
  type RunningCall,
  withDeadline,
} from "./calls/deadline.ts"
export { singleFlight } from "./calls/single-flight.ts"
export { soundStep } from "./calls/sound-step.ts"
export { configurationError, parseConfiguration, requireConfiguration } from "./configuration/configuration.ts"
export { type ConfigurationHooks, configurationHooks } from "./configuration/configuration-hooks.ts"
export {
  configurationJsonSchema,
  secretFields,
  unboundedParts,
} from "./configuration/configuration-schema.ts"
export { endpoint, type ParsedEndpoint, parseEndpoint } from "./configuration/endpoint.ts"
export { atMostOne, type FieldRule, type Given, goesWith, has, withRules } from "./configuration/field-rules.ts"
export { boundedIssues, issuesText, type ShownIssue, shownName, shownText } from "./configuration/issue-list.ts"
export { definePlugin, type KeystorePluginSource, type PluginSource } from "./definition/define-plugin.ts"
export { isAddressRange } from "./egress/address-rules.ts"
export { egressConfiguration, egressRules, isAllowedUrl, requireAllowedUrl } from "./egress/egress-policy.ts"
export {
  type ErrorFallback,
  type ExtraFacts,
  pluginError,
  scrubbedCause,
  toPluginError,
  unsupported,
} from "./errors/error-facts.ts"
export { tenantPath } from "./files/tenant-path.ts"
export { namesEveryHost, proxyConfiguration, proxyRule } from "./http/proxy-configuration.ts"
export { requestConfiguration } from "./http/request-configuration.ts"
export { retryAfterMs } from "./http/retry-after.ts"
export { certificates, certificatesOf, isCertificateBundle } from "./http/tls/certificates.ts"
export { type BorrowedHttp, createHttpPools, type HttpPools } from "./http/tls/http-pools.ts"
export { privateKeyOf } from "./http/tls/private-key.ts"
export { createRotatingHttp, type RotatingHttp, type RotatingHttpOptions } from "./http/tls/rotating-http.ts"
export { type TlsConfiguration, tlsFields, tlsRules } from "./http/tls/tls-configuration.ts"
export { type TlsIdentity, tlsIdentityReader } from "./http/tls/tls-identity.ts"
export { encodeEncryptionContext } from "./keystore/encryption-context.ts"
export { type WrappingParameters, wrapKeyMaterial } from "./keystore/key-material-wrap.ts"
export {
  type HeldKeystore,
  KeystorePool,
  type KeystorePoolOptions,
  type PooledKeystore,
} from "./keystore/keystore-pool.ts"
export { defaultKeystorePoolBounds, type KeystorePoolBounds } from "./keystore/keystore-pool-bounds.ts"
export { OpenKeystores } from "./keystore/open-keystores.ts"
export { TenantMemory } from "./keystore/tenant-memory.ts"
export { unsupportedOperations } from "./keystore/unsupported-operations.ts"
export { decodeBase64, encodeBase64 } from "./secrets/base64.ts"
export { isSecretHandle, secret, secretFromBytes } from "./secrets/secret.ts"
export { jsonWithBytes, takeBase64Field } from "./secrets/secret-json.ts"
export { fileSecret, isHeaderValue, readText, type SecretSource, unusable } from "./secrets/secret-source.ts"
