export { joinFields } from "./byte-fields.ts"
export { type TenantKeyName, tenantKeyCommitment } from "./commitment.ts"
export { openCommitted, sealCommitted, type WrapParameters } from "./committing-wrap.ts"
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
export { KeyHierarchyError, type KeyHierarchyErrorCode } from "./error.ts"
export { createKeyHierarchy, type KeyHierarchy } from "./hierarchy.ts"
export { type KeyExport, keyExportFormat, parseKeyExport } from "./key-export-document.ts"
export { renewalsPerHour } from "./lease.ts"
export type { HierarchyServices, KeyRepository, L1Port, L1Wrap, PreparedTenantKey, StoredTenantKey } from "./ports.ts"
export { aes256GcmOpen, aes256GcmSeal, hkdfSha512, type SealedText } from "./primitives.ts"
export type { KeyLifecycleState, ServiceKeyRecord, TenantCustody, TenantKeyRecord, TenantKeyWrap } from "./records.ts"
export { type L1WrapToOpen, type RecoverDataKeyRequest, type RecoveredDataKey, recoverDataKey } from "./recover.ts"
export type { ServiceKeyVerification } from "./verify-service-keys.ts"
export type { TenantKeyVerification, TenantVerification, WrapVerification } from "./verify-tenant.ts"
