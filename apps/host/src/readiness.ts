import type { Catalog } from "@apeiro-cmk/host-runtime"
import type { Impairment, Readiness } from "@apeiro-cmk/http-api"
import type { Database } from "@apeiro-cmk/persistence"
import { type Clock, isCodedError } from "@apeiro-cmk/plugin-interface"
import { abortable, withDeadline } from "@apeiro-cmk/plugin-sdk"
import { WriteTrials } from "./write-trials.ts"

/** Longest time for the database to answer before it counts as not ready, in milliseconds. */
const databaseTimeoutMs = 1000

/** Everything that readiness is judged by. */
export interface ReadinessSources {
  readonly database: Pick<Database, "ping" | "tryWrite">
  readonly catalog: Pick<Catalog, "plugins">
  /** Code of the error with which the audit sequencer's last run failed; undefined when it succeeded. */
  readonly sequencerFailure: () => string | undefined
  readonly isDraining: () => boolean
  readonly clock: Clock
}

/**
 * Makes a {@link Readiness} that answers within {@link databaseTimeoutMs}. Anybody may ask: a reason has the code of an
 * error and never its message, which may name what belongs to the operator; the log says more.
 */
export function createReadiness(sources: ReadinessSources): Readiness {
  const trials = new WriteTrials(sources.database, sources.clock)
  return {
    notReady: async () => {
      if (sources.isDraining()) return [{ component: "host", reason: "The host is shutting down." }]
      const plugins = pluginImpairments(sources, "abort")
      return [...(await databaseImpairment(sources, trials)), ...auditImpairments(sources), ...plugins]
    },
    degraded: () => pluginImpairments(sources, "continue"),
  }
}

async function databaseImpairment(
  { database, clock }: ReadinessSources,
  trials: WriteTrials,
): Promise<readonly Impairment[]> {
  const deadline = withDeadline(undefined, databaseTimeoutMs, clock)
  try {
    await abortable(Promise.all([database.ping(), trials.require()]), deadline.signal)
    return []
  } catch (error) {
    const late = `The database did not answer within ${databaseTimeoutMs} ms.`
    const reason = isCodedError(error) ? `The database does not work: ${error.code}.` : "The database does not work."
    return [{ component: "database", reason: deadline.signal.aborted ? late : reason }]
  } finally {
    deadline.dispose()
  }
}

/** The sequencer writes every few seconds: while it cannot, no entry becomes durable, and nothing may be answered. */
function auditImpairments({ sequencerFailure }: ReadinessSources): Impairment[] {
  const failure = sequencerFailure()
  return failure === undefined
    ? []
    : [{ component: "audit_sequencer", reason: `The audit log cannot be written: ${failure}.` }]
}

function pluginImpairments({ catalog }: ReadinessSources, onFailure: "abort" | "continue"): Impairment[] {
  return catalog
    .plugins()
    .filter((plugin) => plugin.onFailure === onFailure && plugin.state !== "running")
    .map((plugin) => ({
      component: `plugin:${plugin.name}`,
      reason: `The plugin is ${plugin.state}${plugin.error === undefined ? "" : `: ${plugin.error.code}`}.`,
    }))
}
