import type { UnaryCallOptions } from "../wire/unary-call.ts"

const slackMs = 1_000

/** Bounds a call of the host itself. @param timeoutMs - from now; gRPC's own deadline, which is one second before the signal */
export function within(timeoutMs: number): UnaryCallOptions {
  return { deadlineMs: Date.now() + timeoutMs, signal: AbortSignal.timeout(timeoutMs + slackMs) }
}
