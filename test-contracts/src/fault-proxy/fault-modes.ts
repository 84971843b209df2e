/**
 * Treatment of connections by the proxy.
 * - `pass` - forwards.
 * - `refuse` - closes open connections and stops listening: new ones are refused.
 * - `reset` - resets open connections, and each new one as soon as it is made.
 * - `blackHole` - keeps and accepts connections, and swallows every byte in both directions.
 * - `resetMidway` - forwards the request and the first half of the answer, then resets.
 * - `trickle` - forwards the request, and one byte of the answer per second.
 * - `halfClose` - takes the request and ends its own side without an answer; the other side stays open.
 * - `slow` - forwards the request, and the answer 30 s later.
 * - `foreignAuthority`, `expiredCertificate` - forwards, with such a certificate. Only with the option `tls`.
 * - `wrongJson`, `throttled`, `serverError` - answers each HTTP request itself: 200 with JSON of another shape, 429 with
 *   `Retry-After: 7`, 500 with an empty body.
 */
export type FaultMode = "pass" | Fault

/** Every mode but `pass`. */
export type Fault = StreamFault | CertificateFault | AnswerFault | "refuse" | "reset"

/** Treatment of bytes on their way. */
export type StreamFault = "blackHole" | "resetMidway" | "trickle" | "halfClose" | "slow"

/** Fault of the certificate. */
export type CertificateFault = "foreignAuthority" | "expiredCertificate"

/** Answer that the proxy gives instead of the server. */
export type AnswerFault = "wrongJson" | "throttled" | "serverError"

/** Value of `Retry-After` of `throttled`, in seconds. */
export const retryAfterSeconds = 7

/** Delay of an answer in the mode `slow`, in milliseconds. */
export const slowAnswerMs = 30_000

/** The faults that need the option `tls`. */
export const certificateFaults: readonly CertificateFault[] = ["foreignAuthority", "expiredCertificate"]

/** The faults that are answers. */
export const answerFaults: readonly AnswerFault[] = ["wrongJson", "throttled", "serverError"]

/** Groups modes: an open connection survives a change within its group only. */
export function connectionKind(mode: FaultMode): string {
  const ownKind: readonly string[] = [...certificateFaults, ...answerFaults]
  return ownKind.includes(mode) ? mode : "forwarding"
}
