import { getServers } from "node:dns"
import { isIP } from "node:net"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { askServers, type FoundAddresses } from "./dns-query.ts"
import { parseHostsFile } from "./hosts-file.ts"
import { namesToAsk, parseResolvConf } from "./resolv-conf.ts"
import { WatchedFile } from "./watched-file.ts"

/** Options of {@link SystemNames}. */
export interface SystemNamesOptions {
  readonly clock: Clock
  /** Default `/etc/hosts`. */
  readonly hostsFile?: string
  /** Default `/etc/resolv.conf`. */
  readonly resolvConf?: string
  /** DNS servers, with `:port` where it is not 53. Default: those of resolv.conf; without any, those that Node knows. */
  readonly servers?: readonly string[]
}

const loopback: FoundAddresses = {
  addresses: [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ],
  lifeMs: 0,
}

/**
 * Resolves names as the system does, with questions that can be cancelled and hold no thread: the hosts file, then the
 * DNS with the search domains and `ndots` of resolv.conf, for both address families. Both files are read again when they
 * change. Other sources of names (nsswitch.conf) are not asked.
 */
export class SystemNames {
  readonly #clock: Clock
  readonly #servers: readonly string[] | undefined
  readonly #hosts
  readonly #resolvConf

  constructor({ clock, hostsFile = "/etc/hosts", resolvConf = "/etc/resolv.conf", servers }: SystemNamesOptions) {
    this.#clock = clock
    this.#servers = servers
    this.#hosts = new WatchedFile(hostsFile, parseHostsFile)
    this.#resolvConf = new WatchedFile(resolvConf, parseResolvConf)
  }

  /**
   * Resolves one name, IPv4 addresses first. A life of 0 ms means that the answer came from this machine itself.
   * @throws {Error} ENOTFOUND, EAI_AGAIN
   */
  async resolve(hostname: string, signal: AbortSignal): Promise<FoundAddresses> {
    const family = isIP(hostname)
    if (family === 4 || family === 6) return { addresses: [{ address: hostname, family }], lifeMs: 0 }
    const name = hostname.toLowerCase()
    const listed = (await this.#hosts.read()).get(name.replace(/\.$/, ""))
    if (listed !== undefined) return { addresses: listed, lifeMs: 0 }
    // RFC 6761 §6.3: no server is asked for these.
    if (/(^|\.)localhost\.?$/.test(name)) return loopback
    const { servers: found, ...search } = await this.#resolvConf.read()
    const servers = this.#servers ?? (found.length > 0 ? found : getServers())
    return askServers(namesToAsk(name, search), servers, { clock: this.#clock, signal })
  }
}
