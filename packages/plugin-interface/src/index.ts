export type { CallOptions, CallPurpose } from "./call.ts"
export type {
  ConfigurationParser,
  ConfigurationResult,
  KeystoreConfigurationDocument,
  KeystoreConfigurationInput,
} from "./configuration.ts"
export type { ConfiguredOncePlugin } from "./configured-once.ts"
export type { ConnectionStep, ConnectionStepOutcome } from "./connection-test.ts"
export { CodedError, type ErrorFacts, type ErrorOrigin, errorOrigins, hasMarker, isCodedError } from "./error.ts"
export type { JsonSchema, JsonValue } from "./json.ts"
export type {
  CertificateIssuerPluginV1,
  ComponentCertificateRequest,
} from "./kinds/certificate-issuer/certificate-issuer.ts"
export type { CertificateIssuerCapability, CertificateIssuerManifest } from "./kinds/certificate-issuer/kind.ts"
export type { UpstreamCertificateIssuerV1, UpstreamCertificateRequest } from "./kinds/certificate-issuer/upstream.ts"
export type { IdentityPluginV1, Principal, WorkloadIdentity } from "./kinds/identity/identity.ts"
export type { IdentityCapability, IdentityManifest } from "./kinds/identity/kind.ts"
export type { DirectoryContext, DirectoryGroup, DirectoryUser, UpstreamIdentityV1 } from "./kinds/identity/upstream.ts"
export type {
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptionContext,
  EncryptRequest,
  EncryptResult,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
  KeyRef,
  KeyState,
  KeystoreV1,
  KeyVersionDescription,
  Known,
  ProbeResult,
} from "./kinds/keystore/keystore.ts"
export {
  type ActivationFact,
  type KeystoreCapability,
  type KeystoreManifest,
  keystoreCapabilities,
} from "./kinds/keystore/manifest.ts"
export type { KeystorePluginV1 } from "./kinds/keystore/plugin.ts"
export type {
  KeystoreProviderV1,
  ProvidedKeystore,
  ProvidedKeystoreLocation,
  ProvidedKeystoreRequest,
} from "./kinds/keystore/provider.ts"
export type {
  UpstreamKeystoreHooksV1,
  UpstreamKeystoreProviderV1,
  UpstreamManagementAccess,
  UpstreamTrustRequest,
} from "./kinds/keystore/upstream.ts"
export type { KindRow, KindTypes } from "./kinds/kind.ts"
export type { NotificationCapability, NotificationManifest } from "./kinds/notification/kind.ts"
export type { NotificationEvent, NotificationPluginV1 } from "./kinds/notification/notification.ts"
export type { UpstreamNotification, UpstreamNotificationV1 } from "./kinds/notification/upstream.ts"
export type { SystemInformationCapability, SystemInformationManifest } from "./kinds/system-information/kind.ts"
export type {
  ResourceChange,
  ResourceVerdict,
  SystemInformationPluginV1,
} from "./kinds/system-information/system-information.ts"
export type { UpstreamSystemInformationV1 } from "./kinds/system-information/upstream.ts"
export {
  isPluginKind,
  type Plugin,
  type PluginAuditAction,
  type PluginContract,
  type PluginKind,
  type PluginManifest,
  type PluginTypes,
  pluginKindNames,
  pluginKinds,
} from "./kinds/table.ts"
export type { PluginLifecycle } from "./lifecycle.ts"
export type { PluginManifestBase } from "./manifest.ts"
export type { AnyPluginDefinition, PluginDefinition } from "./plugin.ts"
export {
  type ConfigurationIssue,
  isPluginError,
  isPluginErrorCode,
  PluginError,
  type PluginErrorCode,
  pluginErrorCodes,
} from "./plugin-error.ts"
export type {
  AuditPort,
  Caller,
  Clock,
  EgressPolicy,
  FileDestination,
  HttpClient,
  HttpClientOptions,
  HttpProxy,
  HttpRequest,
  HttpResponse,
  LogFields,
  Logger,
  Meter,
  PluginAuditEvent,
  PluginServices,
  RandomSource,
  SecretHandle,
  TcpConnector,
  TenantFiles,
  TlsOptions,
  Tracer,
} from "./services.ts"
export type { SetupDocument } from "./setup-document.ts"
