import { lookup as systemLookup } from "node:dns/promises"
import { isIP, type LookupFunction, type Socket } from "node:net"
import { pluginError } from "../errors/error-facts.ts"

/** Resolves a host name to all of its addresses; a seam for tests. */
export type HostLookup = (hostname: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

/** The operating system's resolver. */
export const systemHostLookup: HostLookup = (hostname) => systemLookup(hostname, { all: true })

/** The rule of an egress policy for a numeric address. */
export type AddressRule = (address: string) => boolean

/**
 * Makes the `lookup` for `net.connect` and `tls.connect` that resolves a name once and returns only addresses that the
 * rule allows. The socket connects to one of these, so a name that changes its address in between (DNS rebinding) gains
 * nothing.
 */
export function checkedLookup(isAllowed: AddressRule, lookup: HostLookup): LookupFunction {
  return (hostname, options, callback) => {
    const family =
      options.family === 4 || options.family === "IPv4" ? 4 : options.family === 6 || options.family === "IPv6" ? 6 : 0
    allowedAddresses(hostname, isAllowed, lookup).then(
      (addresses) => {
        const usable = addresses.filter((each) => family === 0 || each.family === family)
        const [first] = usable
        if (first === undefined) callback(addressForbidden(hostname), "")
        else if (options.all === true) callback(null, usable)
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    )
  }
}

async function allowedAddresses(hostname: string, isAllowed: AddressRule, lookup: HostLookup) {
  const addresses = await lookup(hostname)
  return addresses.filter((each) => isAllowed(each.address)).map(({ address, family }) => ({ address, family }))
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
  if (!isAllowed(socket.remoteAddress)) throw addressForbidden(host)
}

/** Hides the address that a name resolved to: it would show a tenant the operator's network. */
function addressForbidden(host: string) {
  return pluginError(
    "UNREACHABLE",
    `The address of ${host} is not one that connections may go to.`,
    "Use a public address, or have the operator add the range to the plugin's allowedAddresses.",
    { origin: "caller", retryable: false },
  )
}
