export type { ActivationAnswer } from "./activation.ts"
export type { CallStage, KeystoreAttempt } from "./caller/call-stage.ts"
export type { KeystoreCaller, KeystoreCallSettings } from "./caller/keystore-caller.ts"
export type { CallObserver } from "./caller/measurement-stage.ts"
export type { ClaimRecord, ClaimRepository, ClaimTransfer } from "./claims/claim-records.ts"
export { L1Claims, type L1ClaimsOptions } from "./claims/l1-claims.ts"
export type { KeystoreDocument } from "./document.ts"
export { KeystoreManagerError, type KeystoreManagerErrorCode } from "./errors.ts"
export type { KeystoreCondition, LastOutcome } from "./health-board.ts"
export type { L1KeyImport, WrappedKeyMaterial } from "./key-import.ts"
export type { KeystoreHealth } from "./keystore-health.ts"
export { KeystoreManager, type KeystoreManagerOptions, type KeystoreSubject } from "./keystore-manager.ts"
export type { KeystoreTarget } from "./keystore-target.ts"
export type { OperationUsage } from "./operation-budgets.ts"
export type { PlatformJob, PlatformJobQueue } from "./platform/platform-jobs.ts"
export { PlatformKeystores, type PlatformKeystoresOptions } from "./platform/platform-keystores.ts"
export type {
  PlatformKeystoreChange,
  PlatformKeystoreFailure,
  PlatformKeystoreRecord,
  PlatformKeystoreRemoval,
  PlatformKeystoreRepository,
  PlatformKeystoreState,
  PlatformKeystoreTarget,
  PlatformStorageErrorCode,
} from "./platform/platform-records.ts"
export type {
  CredentialPort,
  KeystoreActivation,
  KeystorePluginCatalog,
  KeystoreRepository,
  KeystoreStorageErrorCode,
  OperationCountRepository,
  OperationsWanted,
  RunningKeystorePlugin,
} from "./ports.ts"
export type { CredentialField, KeystoreRecord, KeystoreRevision, KeystoreSummary } from "./records.ts"
export { redactedConfiguration } from "./redacted-configuration.ts"
export { stepError } from "./step-errors.ts"
