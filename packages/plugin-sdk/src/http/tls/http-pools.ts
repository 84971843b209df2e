import { createHash } from "node:crypto"
import type { HttpClient, TlsOptions } from "@apeiro-cmk/plugin-interface"

/** A share in connections. */
export interface BorrowedHttp {
  readonly http: HttpClient
  /** Ends the share once; the last share closes the connections. Idempotent. */
  giveBack(): Promise<void>
}

/** Connections by TLS identity; within one, by server. */
export interface HttpPools {
  /** Takes a share in the connections of a TLS identity. */
  borrow(tls: TlsOptions): BorrowedHttp
}

interface Pool {
  readonly http: HttpClient
  users: number
}

/** Makes pools in which all who have the same certificates share connections. */
export function createHttpPools(makeClient: (tls: TlsOptions) => HttpClient): HttpPools {
  const pools = new Map<string, Pool>()
  const release = async (name: string, pool: Pool): Promise<void> => {
    pool.users -= 1
    if (pool.users > 0) return
    pools.delete(name)
    await pool.http.close()
  }
  return {
    borrow(tls) {
      const name = createHash("sha256").update(JSON.stringify(tls)).digest("hex")
      const pool = pools.get(name) ?? { http: makeClient(tls), users: 0 }
      pools.set(name, pool)
      pool.users += 1
      return new Share(pool.http, () => release(name, pool))
    },
  }
}

class Share implements BorrowedHttp {
  readonly http: HttpClient
  #release: (() => Promise<void>) | undefined

  constructor(http: HttpClient, release: () => Promise<void>) {
    this.http = http
    this.#release = release
  }

  async giveBack(): Promise<void> {
    const release = this.#release
    this.#release = undefined
    await release?.()
  }
}
