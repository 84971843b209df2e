import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { JobSettings } from "./jobs/job-queue.ts"
import type { PostgresTimes } from "./postgres/pool.ts"
import type { IdempotencyTimes } from "./repositories/idempotency.ts"
import type { TestingOptions } from "./testing.ts"

/** How a database is opened. */
export interface DatabaseOptions {
  /** `sqlite:///absolute/path/host.sqlite`, or `postgres://user@host:port/database` (docs/guides/run-on-postgresql.md). */
  readonly url: string
  /** Gives the password for PostgreSQL, at each new connection. Default: the one in the URL. */
  readonly readPassword?: () => Promise<string>
  /** Most connections to PostgreSQL at once; default 10. */
  readonly maximumConnections?: number
  /** How long PostgreSQL and the network to it may take. */
  readonly times?: Partial<PostgresTimes>
  /** What the PostgreSQL server shows of this host; default `apeiro-cmk`. */
  readonly applicationName?: string
  /** Wall clock of the idempotency keys; default: the system's. */
  readonly clock?: Pick<Clock, "nowMs">
  /** How long to wait for another process to let go of an SQLite file, in milliseconds; default 1000. */
  readonly busyTimeoutMs?: number
  /** How jobs are run; see the defaults there. */
  readonly jobs?: Partial<JobSettings>
  /** Default: given up after a minute, kept for a day. */
  readonly idempotency?: IdempotencyTimes
  /** For tests only: faults on demand, on SQLite. */
  readonly testing?: TestingOptions
}
