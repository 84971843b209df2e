import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { JobSettings } from "./jobs/job-queue.ts"
import type { PostgresTimes } from "./postgres/pool.ts"
import type { TenantQuotas } from "./quotas.ts"
import type { IdempotencyTimes } from "./repositories/idempotency.ts"
import type { TestingOptions } from "./testing.ts"

/** Options of `openDatabase`. */
export interface DatabaseOptions {
  /**
   * `sqlite:///absolute/path/host.sqlite`, or `postgres://user@host:port/database` (docs/guides/run-on-postgresql.md).
   */
  readonly url: string
  /** Reads the password for PostgreSQL, at each new connection. Default: the password in the URL. */
  readonly readPassword?: () => Promise<string>
  /** Maximum number of connections to PostgreSQL; default 10. */
  readonly maximumConnections?: number
  /** Time limits for PostgreSQL and the network to it. */
  readonly times?: Partial<PostgresTimes>
  /** Name under which the PostgreSQL server lists this host; default `apeiro-cmk`. */
  readonly applicationName?: string
  /** Wall clock of the idempotency keys; default: the system's. */
  readonly clock?: Pick<Clock, "nowMs">
  /** Longest wait for another process to release an SQLite file, in milliseconds; default 1000. */
  readonly busyTimeoutMs?: number
  /** How jobs run; {@link JobSettings} lists the defaults. */
  readonly jobs?: Partial<JobSettings>
  /** How much each tenant may store. Default: nothing is bounded. */
  readonly quotas?: TenantQuotas
  /** Ageing of idempotency keys; default: taken over after one minute, kept for one day. */
  readonly idempotency?: IdempotencyTimes
  /** Faults on demand, on SQLite; for tests only. */
  readonly testing?: TestingOptions
}
