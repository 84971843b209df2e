import type { AuthenticationServices, RefusalRecorder } from "@apeiro-cmk/access"
import type { AuditLogRepository, AuditRecorder } from "@apeiro-cmk/audit-log"
import type { Catalog } from "@apeiro-cmk/host-runtime"
import type { KeyHierarchy, ServiceKeyList } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreManager, L1Claims, PlatformKeystores } from "@apeiro-cmk/keystore-manager"
import type {
  AuditPlaceRepository,
  IdempotencyRepository,
  TenantRepository,
  TokenRepository,
} from "@apeiro-cmk/persistence"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { Readiness } from "./resources/health/readiness.ts"

/** Everything that the API needs from the host. */
export interface ApiServices {
  readonly catalog: Pick<Catalog, "describePlugins" | "testConnection" | "setupMaterial">
  readonly tenants: TenantRepository
  readonly tokens: TokenRepository
  readonly idempotency: IdempotencyRepository
  readonly keystores: KeystoreManager
  readonly platformKeystores: PlatformKeystores
  readonly claims: L1Claims
  readonly keys: KeyHierarchy
  readonly serviceKeyList: ServiceKeyList
  readonly audit: AuditRecorder
  readonly auditLog: AuditLogRepository
  readonly auditPlaces: AuditPlaceRepository
  readonly authentication: AuthenticationServices
  readonly refusals: Pick<RefusalRecorder, "record">
  readonly readiness: Readiness
  /** Key of the fingerprints of requests that must take effect once. */
  readonly fingerprintKey: Uint8Array
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}
