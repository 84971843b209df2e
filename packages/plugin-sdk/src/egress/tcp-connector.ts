import { connect, isIP, type Socket } from "node:net"
import type { TcpConnector } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason } from "../calls/deadline.ts"
import { pluginError } from "../errors/error-facts.ts"
import { httpError } from "../http/http-errors.ts"
import { checkedLookup, requireAllowedHost, requireAllowedPeer } from "./checked-lookup.ts"
import { egressRules } from "./egress-policy.ts"
import type { HostLookup } from "./names/host-lookup.ts"

const connectTimeoutMs = 5000

/** Makes the raw TCP service. Only the address side of the egress policy applies: a TCP port has no origin. */
export function createTcpConnector(lookup: HostLookup): TcpConnector {
  return {
    async probe(host, port, egress, { signal, ...caller }) {
      if (signal.aborted) throw abortReason(signal)
      const isAllowed = egressRules(egress)
      if (!Number.isInteger(port) || port < 1 || port > 65_535 || !isHost(host)) {
        throw pluginError(
          "INVALID_REQUEST",
          "The host or port is malformed.",
          "Give a host name and a port from 1 to 65535.",
        )
      }
      requireAllowedHost(host, isAllowed)
      const socket = connect({ host, port, lookup: checkedLookup(isAllowed, lookup, () => ({ ...caller, signal })) })
      try {
        await abortable(connected(socket), signal)
        requireAllowedPeer(socket, host, isAllowed)
      } catch (error) {
        throw httpError(error)
      } finally {
        socket.destroy()
      }
    },
  }
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(host)
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(connectTimeoutMs, () =>
      reject(
        pluginError("TIMED_OUT", "The connection could not be made in time.", "Check the address and the network."),
      ),
    )
    socket.once("connect", resolve)
    socket.once("error", reject)
  })
}
