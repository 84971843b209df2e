export { type Database, openDatabase } from "./database.ts"
export type { DatabaseOptions } from "./database-options.ts"
export { type DatabaseErrorCode, isPersistenceError, PersistenceError, type PersistenceErrorCode } from "./errors.ts"
export {
  defaultJobSettings,
  type Job,
  type JobQueue,
  type JobRecord,
  type JobSettings,
  type JobWorker,
} from "./jobs/job-queue.ts"
export type {
  AuditPlaceRepository,
  IdempotencyDecision,
  IdempotencyRepository,
  IdempotencyTicket,
  IdempotentRequest,
  SampleRepository,
  SharedFactRepository,
  StoredResponse,
  TenantRecord,
  TenantRepository,
  TenantStorageErrorCode,
  TokenRecord,
  TokenRepository,
  TokenRole,
  TokenStorageErrorCode,
} from "./ports.ts"
export type { PostgresTimes } from "./postgres/pool.ts"
export type { TenantQuotas } from "./quotas.ts"
export type { IdempotencyTimes } from "./repositories/idempotency.ts"
export type { DatabaseTesting, TestingOptions } from "./testing.ts"
