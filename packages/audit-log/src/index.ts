export { AuditError, type AuditErrorCode } from "./error.ts"
export {
  type AuditAction,
  type AuditActor,
  type AuditEvent,
  auditActions,
  platformTenantId,
} from "./event.ts"
export { exportLines } from "./export.ts"
export { type AuditLeaf, decodeLeaf, encodeLeaf, type LeafStamp, maxLeafBytes } from "./leaf.ts"
export type { LeafOrigin } from "./leaf-document.ts"
export { appendLeaf, emptyTree, hashLeaf, hashNode, rootHash, type TreeHead } from "./merkle.ts"
export { type AuditLogPage, readAuditLogPage } from "./page.ts"
export type {
  AuditIntakeRepository,
  AuditLogRepository,
  AuditRecorder,
  Integration,
  PreparedAuditEntry,
  SequencedAuditEntry,
} from "./ports.ts"
export { type AuditRecorderOptions, createAuditRecorder } from "./recorder.ts"
export { type AuditSequencer, type AuditSequencerOptions, createAuditSequencer } from "./sequencer.ts"
export { type VerifiedExport, verifyExport } from "./verify.ts"
