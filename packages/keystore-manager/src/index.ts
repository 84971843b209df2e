export type { ActivationAnswer } from "./activation.ts"
export type { CallLimits } from "./call-policy.ts"
export type { KeystoreDocument } from "./document.ts"
export { KeystoreManagerError, type KeystoreManagerErrorCode } from "./errors.ts"
export type { KeystoreCondition, LastOutcome } from "./health.ts"
export {
  createKeystoreManager,
  type KeystoreHealth,
  type KeystoreManager,
  type KeystoreManagerOptions,
  type KeystoreSubject,
} from "./manager.ts"
export type { OperationUsage } from "./operation-budget.ts"
export {
  createPlatformKeystores,
  type PlatformJob,
  type PlatformJobQueue,
  type PlatformKeystores,
  type PlatformKeystoresOptions,
} from "./platform/platform-keystores.ts"
export type {
  PlatformKeystoreChange,
  PlatformKeystoreFailure,
  PlatformKeystoreRecord,
  PlatformKeystoreRepository,
  PlatformKeystoreState,
  PlatformKeystoreTarget,
} from "./platform/platform-records.ts"
export type {
  CredentialPort,
  KeystoreActivation,
  KeystorePluginCatalog,
  KeystoreRepository,
  OperationCountRepository,
  OperationsWanted,
  RunningKeystorePlugin,
} from "./ports.ts"
export type { CredentialField, KeystoreRecord, KeystoreRevision } from "./records.ts"
export { redactedConfiguration } from "./redacted-configuration.ts"
