/**
 * What the proxy does to connections.
 * - `pass` - forwards.
 * - `refuse` - closes what is open, and nobody listens: new connections are refused.
 * - `reset` - resets what is open, and each new connection as soon as it is made.
 * - `blackHole` - keeps and accepts connections, and swallows every byte in both directions.
 * - `resetMidway` - forwards the request and the first half of the answer, then resets.
 * - `trickle` - forwards the request, and one byte of the answer per second.
 * - `halfClose` - takes the request and ends its own side without an answer; the other side stays open.
 * - `slow` - forwards the request, and the answer 30 s later.
 * - `foreignAuthority`, `expiredCertificate` - forwards, with such a certificate. Only with the option `tls`.
 * - `wrongJson`, `throttled`, `serverError` - answers each HTTP request by itself: 200 with JSON of another shape, 429 with
 *   `Retry-After: 7`, 500 with an empty body.
 */
export type FaultMode = "pass" | Fault

/** Every mode but `pass`. */
export type Fault = StreamFault | CertificateFault | AnswerFault | "refuse" | "reset"

/** What is done to bytes on their way. */
export type StreamFault = "blackHole" | "resetMidway" | "trickle" | "halfClose" | "slow"

/** What is wrong with the certificate. */
export type CertificateFault = "foreignAuthority" | "expiredCertificate"

/** What the proxy answers in the place of the server. */
export type AnswerFault = "wrongJson" | "throttled" | "serverError"

/** What `Retry-After` of `throttled` says, in seconds. */
export const retryAfterSeconds = 7

/** When an answer comes in the mode `slow`, in milliseconds. */
export const slowAnswerMs = 30_000

/** The faults that need the option `tls`. */
export const certificateFaults: readonly CertificateFault[] = ["foreignAuthority", "expiredCertificate"]

/** The faults that are answers. */
export const answerFaults: readonly AnswerFault[] = ["wrongJson", "throttled", "serverError"]

/** Modes between which open connections cannot be carried over: each connection is made for one of them. */
export function connectionKind(mode: FaultMode): string {
  const ownKind: readonly string[] = [...certificateFaults, ...answerFaults]
  return ownKind.includes(mode) ? mode : "forwarding"
}
