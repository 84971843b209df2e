export { type TenantKeyName, tenantKeyCommitment } from "./commitment.ts"
export type { GeneratedDataKey, RewrappedDataKey, UnwrappedDataKey } from "./data-keys.ts"
export {
  decodeEnvelope,
  type Envelope,
  type EnvelopeHeader,
  type EnvelopeKind,
  encodeEnvelope,
  encodeEnvelopeHeader,
  maximumEnvelopeLength,
} from "./envelope.ts"
export { KeyHierarchyError, type KeyHierarchyErrorCode, tenantKeyUnreadable } from "./error.ts"
export {
  type CustodyMeaning,
  type ErrorMeaning,
  endsLeases,
  errorMeanings,
  type HealthMeaning,
  type RetryMeaning,
} from "./error-meanings.ts"
export { createKeyHierarchy, type KeyHierarchy } from "./hierarchy.ts"
export { type KeyExport, keyExportFormat, parseKeyExport } from "./key-export-document.ts"
export { renewalsPerHour } from "./lease.ts"
export { giveTogether, type LeasedAnswer } from "./leased-answer.ts"
export {
  type KeystoreConditions,
  noConditions,
  type PlannedWrap,
  planUnwrap,
  type UnwrapCustody,
  type UnwrapPlan,
} from "./plan-unwrap.ts"
export type {
  HierarchyServices,
  KeyRepository,
  KeyStorageErrorCode,
  L1Port,
  L1Wrap,
  PreparedTenantKey,
  ServiceKeyList,
  StoredTenantKey,
} from "./ports.ts"
export { prepareTenantKey, type TenantKeyServices } from "./prepare-tenant-key.ts"
export type { KeyLifecycleState, ServiceKeyRecord, TenantCustody, TenantKeyRecord, TenantKeyWrap } from "./records.ts"
export { type L1WrapToOpen, type RecoverDataKeyRequest, type RecoveredDataKey, recoverDataKey } from "./recover.ts"
export type { ServiceKeyVerification } from "./verify-service-keys.ts"
export {
  type StoredWrapServices,
  type TenantKeyVerification,
  type TenantVerification,
  type VerifiedWrap,
  verifyStoredWraps,
  type WrapVerification,
} from "./verify-tenant.ts"
