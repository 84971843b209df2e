import { isIP } from "node:net"
import { textBefore } from "../../files/text-before.ts"
import type { ResolvedAddress } from "./host-lookup.ts"

/** Addresses by name, in lower case, in the order of the file. */
export type HostsFile = ReadonlyMap<string, readonly ResolvedAddress[]>

/** Parses a hosts file (hosts(5)): an address and its names per line; `#` begins a comment. */
export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, readonly ResolvedAddress[]>()
  for (const line of text.split(/\r?\n/)) {
    const [address = "", ...names] = textBefore("#", line).split(/\s+/)
    const family = isIP(address)
    if (family !== 4 && family !== 6) continue
    for (const name of names.map((each) => each.toLowerCase())) {
      hosts.set(name, [...(hosts.get(name) ?? []), { address, family }])
    }
  }
  return hosts
}
