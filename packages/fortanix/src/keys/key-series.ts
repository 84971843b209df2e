import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { dsmError } from "../errors.ts"
import type { GroupKeys } from "./group-keys.ts"
import { requireSuitable } from "./key-facts.ts"
import type { DsmKey } from "./key-object.ts"

/** A key with its versions, as DSM links them. */
export interface KeySeries {
  readonly newest: DsmKey
  /** Ids of all versions, newest first; DSM may no longer have the last one. */
  readonly kids: readonly string[]
}

/** Options of a {@link KeySeriesCache}. */
export interface KeySeriesOptions {
  readonly keys: GroupKeys
  readonly clock: Clock
  /** Rejects where the app could take keys out of DSM. */
  readonly requireNoExport: (call: CallOptions) => Promise<void>
}

/** A rotation in DSM itself is seen within this time; until then the previous version encrypts. */
const freshForMs = 30_000
const lookUpForMs = 5_000
const mostVersions = 1_000

/** The keys that were looked up within the last 30 s. */
export class KeySeriesCache {
  readonly #options: KeySeriesOptions
  readonly #known = new Map<string, { readonly series: KeySeries; untilMs: number }>()
  /** The predecessor of each version, which never changes unless DSM deletes the oldest versions. */
  readonly #predecessors = new Map<string, string | undefined>()

  constructor(options: KeySeriesOptions) {
    this.#options = options
  }

  /**
   * Returns the versions of a key that may be used as an L1 key.
   * @throws {PluginError} KEY_NOT_FOUND, KEY_UNSUITABLE
   */
  async series(keyId: string, call: CallOptions): Promise<KeySeries> {
    const found = this.#known.get(keyId)
    if (found === undefined) return this.fresh(keyId, call)
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs < found.untilMs) return found.series
    // One call looks the key up; until it has, the others use what is known.
    found.untilMs = nowMs + lookUpForMs
    return this.fresh(keyId, call)
  }

  /** Looks a key up in DSM. @throws {PluginError} as {@link series} */
  async fresh(keyId: string, call: CallOptions): Promise<KeySeries> {
    let series: KeySeries
    try {
      series = await this.#lookUp(keyId, call)
    } catch (error) {
      this.#known.delete(keyId)
      throw error
    }
    this.#known.set(keyId, { series, untilMs: this.#options.clock.monotonicMs() + freshForMs })
    return series
  }

  /** Has the next call look the key up. */
  forget(keyId: string): void {
    this.#known.delete(keyId)
  }

  async #lookUp(keyId: string, call: CallOptions): Promise<KeySeries> {
    const { keys, requireNoExport } = this.#options
    const newest = await keys.find(keyId, call)
    if (newest === undefined) throw dsmError("keyMissing")
    requireSuitable(newest)
    await requireNoExport(call)
    return { newest, kids: [newest.kid, ...(await this.#olderThan(newest, call))] }
  }

  async #olderThan(key: DsmKey, call: CallOptions): Promise<readonly string[]> {
    const kids: string[] = []
    const before = this.#predecessors
    before.set(key.kid, key.replaced)
    for (let kid = key.replaced; kid !== undefined && kids.length < mostVersions; kid = before.get(kid)) {
      if (kid === key.kid || kids.includes(kid)) break
      kids.push(kid)
      if (!before.has(kid)) before.set(kid, (await this.#options.keys.read(kid, call))?.replaced)
    }
    return kids
  }
}
