import * as z from "zod"

/**
 * Fields of a plugin configuration for requests over HTTP: `requestTimeoutMs` (100 to 30,000, default 5,000) and
 * `connections` (1 to 256, default 16); spread them into a `z.strictObject`.
 */
export const requestConfiguration = {
  requestTimeoutMs: z
    .int()
    .min(100)
    .max(30_000)
    .default(5_000)
    .meta({ title: "Request time-out", description: "Longest time for one request, in milliseconds." }),
  connections: z.int().min(1).max(256).default(16).meta({
    title: "Connections",
    description:
      "Most connections per server and TLS identity for the use of keys; logins and connection tests have a quarter each on top. A tenant gets at most half of what the others leave.",
  }),
}
