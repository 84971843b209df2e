import { Resolver } from "node:dns/promises"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { type ResolvedAddress, unansweredName, unknownName } from "./host-lookup.ts"

/** Addresses of a name, and for how long they hold. */
export interface FoundAddresses {
  readonly addresses: readonly ResolvedAddress[]
  readonly lifeMs: number
}

/** Outcome of the question for one family: addresses, none, or no answer. */
type Outcome = FoundAddresses | "none" | "unanswered"

/** One server's time before the next is asked, and rounds over the servers; the caller's deadline ends it all. */
const askedOnce = { timeout: 1_200, tries: 2 }
/** Once one family is known, the other has this long, in milliseconds: some servers never answer a question for AAAA. */
const otherFamilyMs = 500

/** Codes of c-ares by which a server says that there is no such name or no such address. */
const noSuch = ["ENOTFOUND", "ENODATA", "EBADNAME"]

/**
 * Asks DNS servers for the addresses of full names, one after the other, until one has any. Each call has a resolver of
 * its own, whose questions end with the signal and hold no thread of the process.
 *
 * @param servers - numeric addresses, with `:port` where it is not 53
 * @throws {Error} ENOTFOUND - there is none of the names; EAI_AGAIN - a server failed, or none answered
 */
export async function askServers(
  names: readonly string[],
  servers: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<FoundAddresses> {
  const resolver = new Resolver(askedOnce)
  resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener("abort", cancel, { once: true })
  try {
    let hasFailed = false
    for (const name of names) {
      const outcome = await bothFamilies(resolver, name, clock)
      if (typeof outcome === "object") return outcome
      if (signal.aborted) throw unansweredName()
      hasFailed ||= outcome === "unanswered"
    }
    throw hasFailed ? unansweredName() : unknownName()
  } finally {
    signal.removeEventListener("abort", cancel)
    // The other family's question may still wait.
    resolver.cancel()
  }
}

async function bothFamilies(resolver: Resolver, name: string, clock: Clock): Promise<Outcome> {
  const questions = [oneFamily(resolver, name, 4), oneFamily(resolver, name, 6)]
  const cancels: (() => void)[] = []
  const enough = new Promise<Outcome>((resolve) => {
    const startTimer = (outcome: Outcome) => {
      if (typeof outcome === "object") cancels.push(clock.after(otherFamilyMs, () => resolve("unanswered")))
    }
    for (const question of questions) void question.then(startTimer)
  })
  const outcomes = await Promise.all(questions.map((question) => Promise.race([question, enough])))
  for (const cancel of cancels) cancel()
  const found = outcomes.filter((outcome) => typeof outcome === "object")
  if (found.length > 0) {
    const lifeMs = Math.min(...found.map((each) => each.lifeMs))
    return { addresses: found.flatMap(({ addresses }) => addresses), lifeMs }
  }
  return outcomes.includes("unanswered") ? "unanswered" : "none"
}

async function oneFamily(resolver: Resolver, name: string, family: 4 | 6): Promise<Outcome> {
  try {
    const records = await (family === 4
      ? resolver.resolve4(name, { ttl: true })
      : resolver.resolve6(name, { ttl: true }))
    const addresses = records.map(({ address }) => ({ address, family }))
    return { addresses, lifeMs: Math.max(1, Math.min(...records.map(({ ttl }) => ttl))) * 1000 }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : ""
    return noSuch.includes(code) ? "none" : "unanswered"
  }
}
