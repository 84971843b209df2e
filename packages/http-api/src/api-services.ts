import type { AuditLogRepository, AuditRecorder } from "@apeiro-cmk/audit-log"
import type { Catalog } from "@apeiro-cmk/host-runtime"
import type { KeyHierarchy, KeyRepository } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreManager, PlatformKeystores } from "@apeiro-cmk/keystore-manager"
import type {
  AuditPlaceRepository,
  IdempotencyRepository,
  TenantRepository,
  TokenRepository,
} from "@apeiro-cmk/persistence"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { RefusalRecorder } from "./auth/refusal-recorder.ts"
import type { TokenLookup } from "./auth/token-lookup.ts"
import type { Readiness } from "./readiness.ts"

/** What the routes work with. */
export interface ApiServices {
  readonly catalog: Pick<Catalog, "describePlugins" | "readiness">
  readonly tenants: TenantRepository
  readonly tokens: TokenRepository
  readonly findToken: TokenLookup
  readonly idempotency: IdempotencyRepository
  readonly keystores: KeystoreManager
  readonly platformKeystores: PlatformKeystores
  readonly keys: KeyHierarchy
  readonly keyRecords: Pick<KeyRepository, "serviceKeys">
  readonly audit: AuditRecorder
  readonly auditLog: AuditLogRepository
  readonly auditPlaces: AuditPlaceRepository
  readonly refusals: RefusalRecorder
  readonly readiness: Readiness
  readonly administratorTokenHash: Uint8Array
  /** Keys the fingerprints of requests that must take effect once. */
  readonly fingerprintKey: Uint8Array
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}
