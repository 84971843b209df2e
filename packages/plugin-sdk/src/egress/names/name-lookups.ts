import type { Clock } from "@apeiro-cmk/plugin-interface"
import { FairShares } from "../../calls/fair-shares.ts"
import { pluginError } from "../../errors/error-facts.ts"
import type { HostLookup, LookupCaller, ResolvedAddress } from "./host-lookup.ts"
import { addressesOf, NameCache } from "./name-cache.ts"
import { NameFlight } from "./name-flight.ts"
import { SystemNames, type SystemNamesOptions } from "./system-names.ts"

/** Each look-up under way has some sockets. Waiting ends before the 4 s in which a connection must be made. */
const sharesOfUse = { capacity: 128, mostPerTenant: 8, mostWaitingPerTenant: 256, longestWaitMs: 1_500 }
const sharesOfTests = { capacity: 64, mostPerTenant: 4, mostWaitingPerTenant: 64, longestWaitMs: 1_500 }

/**
 * Makes the look-up of a process: as {@link SystemNames}, once for all who want a name at the same time, with a cache and
 * a share of the look-ups for each tenant. Connection tests have shares of their own, so that they never delay use. A
 * look-up ends after 3.5 s, and as soon as nobody waits for it.
 */
export function createNameLookups(options: SystemNamesOptions): HostLookup {
  const lookups = new NameLookups(new SystemNames(options), options.clock)
  return (hostname, caller) => lookups.lookUp(hostname, caller)
}

class NameLookups {
  readonly #names: SystemNames
  readonly #clock: Clock
  readonly #cache: NameCache
  readonly #use: FairShares
  readonly #tests: FairShares
  readonly #flights = new Map<string, NameFlight>()

  constructor(names: SystemNames, clock: Clock) {
    this.#names = names
    this.#clock = clock
    this.#cache = new NameCache(clock)
    this.#use = new FairShares({ ...sharesOfUse, clock, exhausted })
    this.#tests = new FairShares({ ...sharesOfTests, clock, exhausted })
  }

  async lookUp(hostname: string, caller: LookupCaller): Promise<readonly ResolvedAddress[]> {
    const { tenantId, purpose, signal } = caller
    const name = hostname.toLowerCase()
    const isTest = purpose === "test"
    const owner = `${tenantId} ${isTest ? "tests" : "use"}`
    const known = this.#cache.get(owner, name)
    if (known !== undefined) return addressesOf(known)
    const underWay = this.#flights.get(name)
    if (underWay !== undefined) return this.#join(underWay, owner, signal)
    const release = await (isTest ? this.#tests : this.#use).take(tenantId, signal)
    // Somebody may have begun or ended the same during the wait.
    if (this.#flights.has(name) || this.#cache.get(owner, name) !== undefined) {
      release()
      return this.lookUp(name, caller)
    }
    return this.#join(this.#begin(name, release), owner, signal)
  }

  #begin(name: string, release: () => void): NameFlight {
    const flight: NameFlight = new NameFlight({
      name,
      resolve: (signal) => this.#names.resolve(name, signal),
      clock: this.#clock,
      onEnd: () => {
        release()
        if (this.#flights.get(name) === flight) this.#flights.delete(name)
      },
    })
    this.#flights.set(name, flight)
    return flight
  }

  async #join(flight: NameFlight, owner: string, signal: AbortSignal | undefined) {
    const { known, lifeMs } = await flight.join(signal)
    this.#cache.set(owner, flight.name, known, lifeMs)
    return addressesOf(known)
  }
}

function exhausted() {
  return pluginError(
    "THROTTLED",
    "Too many name look-ups of this tenant are under way.",
    "Try again in a moment; check the host names in the tenant's keystores, and whether the DNS server answers.",
    { origin: "host" },
  )
}
