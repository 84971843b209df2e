import { createHash } from "node:crypto"
import type { HttpClient, TlsOptions } from "@apeiro-cmk/plugin-interface"

/** A share in connections. */
export interface BorrowedHttp {
  readonly http: HttpClient
  /** Ends the share once; the last one closes the connections. */
  giveBack(): Promise<void>
}

/** Connections by TLS identity; within one, by server. */
export interface HttpPools {
  borrow(tls: TlsOptions): BorrowedHttp
}

/** Makes the pools. Whoever has the same certificates shares connections. */
export function createHttpPools(makeClient: (tls: TlsOptions) => HttpClient): HttpPools {
  const pools = new Map<string, { readonly http: HttpClient; users: number }>()
  return {
    borrow(tls) {
      const name = createHash("sha256").update(JSON.stringify(tls)).digest("hex")
      const pool = pools.get(name) ?? { http: makeClient(tls), users: 0 }
      pools.set(name, pool)
      pool.users += 1
      let held = true
      return {
        http: pool.http,
        async giveBack() {
          if (!held) return
          held = false
          pool.users -= 1
          if (pool.users > 0) return
          pools.delete(name)
          await pool.http.close()
        },
      }
    },
  }
}
