import * as z from "zod"

const acceptsReference = { acceptsReference: true }

const hostName = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]{1,253}$/, "expected a host name or an IP address")
  .meta({ ...acceptsReference, description: "Host name or IP address to listen on." })

const port = z
  .int()
  .min(0)
  .max(65_535)
  .meta({ ...acceptsReference, description: "TCP port; 0 takes any free one." })

const timeoutMs = (description: string, usualMs: number) =>
  z.int().min(1000).max(600_000).default(usualMs).meta({ description })

/** Bounds that differ between listeners unless the profile states them. */
interface UsualListener {
  readonly port: number
  readonly maximumConnections: number
  readonly maximumRequests: number
}

/** Makes the schema of one listener; `http-api` says how tenants share what it bounds. */
export function listenerSchema(usual: UsualListener) {
  return z.strictObject({
    host: hostName.default("127.0.0.1"),
    port: port.default(usual.port),
    maximumConnections: z.int().min(4).max(100_000).default(usual.maximumConnections).meta({
      description: "Most connections at once; further ones are closed as they come. One tenant keeps at most half.",
    }),
    maximumRequests: z.int().min(4).max(100_000).default(usual.maximumRequests).meta({
      description: "Most requests in work at once. One tenant has at most half, two at most a third each, and so on.",
    }),
    maximumWaitingBytes: z
      .int()
      .min(1024 * 1024)
      .max(4 * 1024 * 1024 * 1024)
      .default(64 * 1024 * 1024)
      .meta({ description: "Most bytes of long answers that wait for slow readers; shared out in the same way." }),
    headersTimeoutMs: timeoutMs("Longest time for the headers of a request to arrive, in milliseconds.", 10_000),
    requestTimeoutMs: timeoutMs("Longest time for a whole request to arrive, in milliseconds.", 30_000),
    keepAliveTimeoutMs: timeoutMs("Life of an idle connection, in milliseconds.", 65_000),
    slowReaderTimeoutMs: timeoutMs(
      "Longest time in which a reader takes nothing of the answer that waits for it, in milliseconds.",
      30_000,
    ),
  })
}
