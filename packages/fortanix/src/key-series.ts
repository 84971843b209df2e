import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { dsmError } from "./errors.ts"
import { requireSuitable } from "./key-facts.ts"
import type { DsmKey } from "./key-object.ts"
import type { GroupKeys } from "./keys.ts"

/** A key with its versions, as DSM links them. */
export interface KeySeries {
  readonly newest: DsmKey
  /** Ids of all versions, newest first; the last one may be gone from DSM. */
  readonly kids: readonly string[]
}

/** Keys that were looked up a short while ago. */
export interface KeySeriesCache {
  /**
   * The versions of a key that may be used as an L1 key.
   * @throws {PluginError} KEY_NOT_FOUND, KEY_UNSUITABLE
   */
  series(keyId: string, call: CallOptions): Promise<KeySeries>
  /** As `series`, from DSM itself. */
  fresh(keyId: string, call: CallOptions): Promise<KeySeries>
  forget(keyId: string): void
}

/** A rotation in DSM itself is seen within this time; until then the version before it encrypts. */
const freshForMs = 30_000
const lookForMs = 5_000
const mostVersions = 1_000

/** Makes the cache. @param requireNoExport - rejects where the app could take keys out of DSM */
export function createKeySeriesCache(
  keys: GroupKeys,
  clock: Clock,
  requireNoExport: (call: CallOptions) => Promise<void>,
): KeySeriesCache {
  const known = new Map<string, { readonly series: KeySeries; untilMs: number }>()
  /** What is before a version never changes, but for the oldest ones that are deleted. */
  const before = new Map<string, string | undefined>()

  async function olderThan(key: DsmKey, call: CallOptions): Promise<readonly string[]> {
    const kids: string[] = []
    before.set(key.kid, key.replaced)
    for (let kid = key.replaced; kid !== undefined && kids.length < mostVersions; kid = before.get(kid)) {
      if (kid === key.kid || kids.includes(kid)) break
      kids.push(kid)
      if (!before.has(kid)) before.set(kid, (await keys.read(kid, call))?.replaced)
    }
    return kids
  }

  async function fresh(keyId: string, call: CallOptions): Promise<KeySeries> {
    let series: KeySeries
    try {
      series = await look(keyId, call)
    } catch (error) {
      known.delete(keyId)
      throw error
    }
    known.set(keyId, { series, untilMs: clock.monotonicMs() + freshForMs })
    return series
  }

  async function look(keyId: string, call: CallOptions): Promise<KeySeries> {
    const newest = await keys.find(keyId, call)
    if (newest === undefined) throw dsmError("keyMissing")
    requireSuitable(newest)
    await requireNoExport(call)
    return { newest, kids: [newest.kid, ...(await olderThan(newest, call))] }
  }

  return {
    fresh,
    async series(keyId, call) {
      const found = known.get(keyId)
      if (found === undefined) return fresh(keyId, call)
      const nowMs = clock.monotonicMs()
      if (nowMs < found.untilMs) return found.series
      // One call looks; the others go on with what is known for as long as that takes.
      found.untilMs = nowMs + lookForMs
      return fresh(keyId, call)
    },
    forget: (keyId) => void known.delete(keyId),
  }
}
