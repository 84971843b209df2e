import { isIP, type LookupFunction, type Socket } from "node:net"
import { pluginError } from "../errors/error-facts.ts"
import { type HostLookup, isUnknownName, type LookupCaller } from "./names/host-lookup.ts"

/** The rule of an egress policy for a numeric address. */
export type AddressRule = (address: string) => boolean

/** Tells for whom a name is looked up. */
type CallerOf = () => LookupCaller

/**
 * Makes the `lookup` for `net.connect` and `tls.connect` that resolves a name once and returns only addresses that the
 * rule allows. The socket connects to one of these, so a name that changes its address in between (DNS rebinding) gains
 * nothing. A name without an address and one whose addresses are forbidden have one and the same error, or a tenant could
 * find out the names of the operator's network.
 */
export function checkedLookup(isAllowed: AddressRule, lookup: HostLookup, callerOf: CallerOf): LookupFunction {
  return uncheckedLookup(async (hostname, caller) => {
    const found = await lookup(hostname, caller).catch((error: unknown) => {
      if (isUnknownName(error)) return []
      throw error
    })
    const allowed = found.filter((each) => isAllowed(each.address))
    if (allowed.length === 0) throw nameRefused(hostname)
    return allowed
  }, callerOf)
}

/** Makes the `lookup` for `net.connect` that leaves out no address. */
export function uncheckedLookup(lookup: HostLookup, callerOf: CallerOf): LookupFunction {
  return (hostname, options, callback) => {
    const family =
      options.family === 4 || options.family === "IPv4" ? 4 : options.family === 6 || options.family === "IPv6" ? 6 : 0
    lookup(hostname, callerOf()).then(
      (addresses) => {
        const usable = addresses.filter((each) => family === 0 || each.family === family)
        const [first] = usable
        if (first === undefined) callback(nameRefused(hostname), "")
        else if (options.all === true) callback(null, [...usable])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    )
  }
}

/**
 * Checks a host that is written as a numeric address, for which Node asks no lookup.
 * @throws {PluginError} UNREACHABLE - the rule forbids it
 */
export function requireAllowedHost(host: string, isAllowed: AddressRule): void {
  if (isIP(host) !== 0 && !isAllowed(host)) throw addressForbidden(host)
}

/**
 * Checks the address that a socket is really connected to, as a second lock behind {@link checkedLookup}.
 * @throws {PluginError} UNREACHABLE - the rule forbids it
 */
export function requireAllowedPeer(socket: Socket, host: string, isAllowed: AddressRule): void {
  // A socket that its peer closed at once has no address any more.
  if (socket.remoteAddress === undefined) throw Object.assign(new Error("closed"), { code: "ECONNRESET" })
  if (!isAllowed(socket.remoteAddress)) throw isIP(host) === 0 ? nameRefused(host) : addressForbidden(host)
}

/** One error for every reason, without the address: it would show a tenant the operator's network. */
function nameRefused(host: string) {
  return pluginError(
    "UNREACHABLE",
    `The name ${host} has no address to which connections may go.`,
    "Check the name and the DNS server; use a public address, or have the operator add the range to the plugin's allowedAddresses.",
  )
}

function addressForbidden(host: string) {
  return pluginError(
    "UNREACHABLE",
    `${host} is not an address to which connections may go.`,
    "Use a public address, or have the operator add the range to the plugin's allowedAddresses.",
    { origin: "caller", retryable: false },
  )
}
