import { isIP } from "node:net"
import { textBefore } from "../../files/text-before.ts"

/** The part of resolv.conf(5) that decides which names are asked, and whom. */
export interface ResolvConf {
  /** Numeric addresses, at most 3 as in glibc. */
  readonly servers: readonly string[]
  /** Domains in which a short name is looked for. */
  readonly search: readonly string[]
  /** A name with fewer dots is looked for in the search domains first. Default 1. */
  readonly ndots: number
}

/** Limits of glibc (resolv.h). */
const mostServers = 3
const largestNdots = 15

/** Parses the text of a resolv.conf; of `search` and `domain` the last one counts. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = []
  let search: readonly string[] = []
  let ndots = 1
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = textBefore("#", textBefore(";", line)).split(/\s+/)
    const [first = ""] = values
    if (keyword === "nameserver" && isIP(textBefore("%", first)) !== 0) servers.push(first)
    if (keyword === "search" || keyword === "domain") search = values.map((domain) => domain.replace(/\.$/, ""))
    const given = keyword === "options" ? values.findLast((option) => /^ndots:\d+$/.test(option)) : undefined
    if (given !== undefined) ndots = Math.min(Number(given.slice("ndots:".length)), largestNdots)
  }
  return { servers: servers.slice(0, mostServers), search: search.filter((domain) => domain !== ""), ndots }
}

/** Lists the full names for which the DNS is asked, in their order (resolver(5): `search`, `ndots`). */
export function namesToAsk(hostname: string, { search, ndots }: Pick<ResolvConf, "search" | "ndots">): string[] {
  if (hostname.endsWith(".")) return [hostname]
  const within = search.map((domain) => `${hostname}.${domain}`)
  const dots = hostname.split(".").length - 1
  return dots >= ndots ? [hostname, ...within] : [...within, hostname]
}
