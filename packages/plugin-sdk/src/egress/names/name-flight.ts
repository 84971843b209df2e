import type { Clock } from "@apeiro-cmk/plugin-interface"
import { abortable, withDeadline } from "../../calls/deadline.ts"
import type { FoundAddresses } from "./dns-query.ts"
import { isUnknownName } from "./host-lookup.ts"
import type { KnownName } from "./name-cache.ts"

/** Longest time for one look-up without its wait, in milliseconds. */
const lookupTimeoutMs = 3_500
const longestLifeMs = 60_000
const shortestLifeMs = 1_000
/** A name that does not exist may be made soon; a server that does not answer may come back. */
const unknownLifeMs = 5_000
const unansweredLifeMs = 1_000

/** Result of a look-up, and for how long it may be remembered, in milliseconds. */
export interface LookupOutcome {
  readonly known: KnownName
  readonly lifeMs: number
}

/** Options of {@link NameFlight}. */
export interface NameFlightOptions {
  readonly name: string
  readonly resolve: (signal: AbortSignal) => Promise<FoundAddresses>
  readonly clock: Clock
  /** Called once, when the look-up has an outcome or nobody waits for it any more. */
  readonly onEnd: () => void
}

/** One look-up under way, for all who want the same name. It ends after 3.5 s, or when nobody waits for it any more. */
export class NameFlight {
  readonly name: string
  readonly #outcome: Promise<LookupOutcome>
  readonly #abandoned = new AbortController()
  #waiting = 0

  constructor({ name, resolve, clock, onEnd }: NameFlightOptions) {
    this.name = name
    const deadline = withDeadline(this.#abandoned.signal, lookupTimeoutMs, clock)
    this.#abandoned.signal.addEventListener("abort", onEnd, { once: true })
    this.#outcome = outcomeOf(abortable(resolve(deadline.signal), deadline.signal)).finally(() => {
      deadline.dispose()
      this.#abandoned.signal.removeEventListener("abort", onEnd)
      if (!this.#abandoned.signal.aborted) onEnd()
    })
  }

  /** Waits for the outcome. @throws {PluginError} the reason of the signal */
  async join(signal: AbortSignal | undefined): Promise<LookupOutcome> {
    this.#waiting += 1
    try {
      return await (signal === undefined ? this.#outcome : abortable(this.#outcome, signal))
    } finally {
      this.#waiting -= 1
      if (this.#waiting === 0) this.#abandoned.abort()
    }
  }
}

async function outcomeOf(found: Promise<FoundAddresses>): Promise<LookupOutcome> {
  try {
    const { addresses, lifeMs } = await found
    // What this machine knows itself is looked up each time.
    return { known: addresses, lifeMs: lifeMs === 0 ? 0 : Math.min(Math.max(lifeMs, shortestLifeMs), longestLifeMs) }
  } catch (error) {
    // Beside these there is only the end of its time.
    return isUnknownName(error) && error.code === "ENOTFOUND"
      ? { known: "unknown", lifeMs: unknownLifeMs }
      : { known: "unanswered", lifeMs: unansweredLifeMs }
  }
}
