import { createHash } from "node:crypto"
import type { Clock, JsonValue, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { defaultKeystorePoolBounds, KeystorePool, type KeystorePoolBounds } from "@apeiro-cmk/plugin-sdk"

type Configuration = Readonly<Record<string, JsonValue>>

/** The upstream host has one process for a plugin and no tenants: the access data of one keystore count as one tenant. */
const upstreamBounds: KeystorePoolBounds = { ...defaultKeystorePoolBounds, maximumOpen: 256, maximumPerTenant: 64 }

/** How long running calls may hold up the end of a process, which its host kills two seconds after it asked. */
const closeGraceMs = 500

/** A keystore as one call of the upstream host names it. */
export interface NamedKeystore {
  /** As the plugin opens it, with the key. */
  readonly configuration: Configuration
  /** As the host sent them, the same for all keys of a keystore: they share one part of the bounds. */
  readonly accessData: Configuration
}

/**
 * Open keystores by their configuration: the upstream host sends the whole configuration with each call. Calls with the
 * same configuration share one opening, in the bounds and the idle time of a {@link KeystorePool}.
 */
export class KeystoreHandles {
  readonly #newPool: () => KeystorePool
  #pool: KeystorePool
  readonly #open: (configuration: Configuration) => Promise<KeystoreV1>

  constructor(
    open: (configuration: Configuration) => Promise<KeystoreV1>,
    clock: Clock,
    bounds: KeystorePoolBounds = upstreamBounds,
  ) {
    this.#open = open
    this.#newPool = () => new KeystorePool({ clock, bounds })
    this.#pool = this.#newPool()
  }

  /** Opens the keystore, or takes the one that is open, and keeps it open until the work ends. */
  use<T>(
    { configuration, accessData }: NamedKeystore,
    signal: AbortSignal,
    work: (keystore: KeystoreV1) => Promise<T>,
  ): Promise<T> {
    const wanted = {
      name: digestOf(configuration),
      tenantId: digestOf(accessData),
      tag: undefined,
      open: () => this.#open(configuration),
    }
    return this.#pool.use(wanted, signal, work)
  }

  /** Closes each keystore when the last work with it has ended. The next call opens its keystore again. */
  close(): Promise<void> {
    const before = this.#pool
    this.#pool = this.#newPool()
    return before.close(closeGraceMs)
  }
}

/** The same for the same configuration, in whatever order its members come; a secret in it cannot be read from it. */
function digestOf(configuration: Configuration): string {
  return createHash("sha256")
    .update(JSON.stringify(ordered(configuration)))
    .digest("hex")
}

function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([name, each]): [string, JsonValue] => [name, ordered(each)])
  // Entries, so that the order is fixed; named, so that an array of pairs stays another value.
  return { object: entries.sort(([left], [right]) => (left < right ? -1 : 1)) }
}
