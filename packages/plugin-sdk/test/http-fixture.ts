import type { HttpClient, HttpClientOptions } from "@apeiro-cmk/plugin-interface"
import { afterEach } from "vitest"
import type { HostLookup } from "../src/services.ts"
import { testServices } from "../src/testing.ts"
import type { TestServer } from "./server.ts"

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Makes a client that may talk to loopback, and the URL of a server there. Closed after the test. */
export function openClient(
  server: Pick<TestServer, "port">,
  options: Partial<HttpClientOptions> = {},
  lookup?: HostLookup,
): { readonly client: HttpClient; readonly url: string } {
  const client = testServices(lookup === undefined ? {} : { lookup }).createHttpClient({
    egress: {
      allowedEndpoints: ["http://127.0.0.1:*", "http://vault.test:*"],
      allowedAddresses: ["127.0.0.1/32"],
    },
    ...options,
  })
  cleanups.push(() => client.close())
  return { client, url: `http://127.0.0.1:${server.port}/v1/sys/health` }
}

/** Waits for a server to start, and stops it after the test. */
export async function serve<T extends AsyncDisposable>(starting: Promise<T>): Promise<T> {
  const server = await starting
  cleanups.push(async () => server[Symbol.asyncDispose]())
  return server
}

/** A signal that fires only where a test hangs. */
export const patience = (): AbortSignal => AbortSignal.timeout(20_000)

/** The tenant of a request in a test. */
export const acme = { tenantId: "acme" } as const
