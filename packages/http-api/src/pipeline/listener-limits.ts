/** Bounds of one listener; the profile states them. */
export interface ListenerLimits {
  /** Most connections at once; further ones are closed as they come. */
  readonly maximumConnections: number
  /** Most requests in work at once. */
  readonly maximumRequests: number
  /** Most bytes of answers that wait for their readers; answers up to {@link uncountedBytes} do not count. */
  readonly maximumWaitingBytes: number
  /** Longest time for the headers of a request to arrive, in milliseconds. */
  readonly headersTimeoutMs: number
  /** Longest time for a whole request to arrive, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Life of an idle connection, in milliseconds. */
  readonly keepAliveTimeoutMs: number
  /** Longest time in which a reader takes nothing of the answer that waits for it, in milliseconds. */
  readonly slowReaderTimeoutMs: number
}

/** Longest answer that does not count as waiting, in bytes: about what Node buffers for each connection anyway. */
export const uncountedBytes = 16 * 1024

/** Bounds that suit the API of a host in a process of 1 GiB. */
export const defaultListenerLimits: ListenerLimits = {
  maximumConnections: 2048,
  maximumRequests: 1024,
  maximumWaitingBytes: 64 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  slowReaderTimeoutMs: 30_000,
}
