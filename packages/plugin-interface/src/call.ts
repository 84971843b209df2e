/** What travels with each call to a plugin. */
export interface CallOptions {
  /**
   * Aborts when the caller gives up or the deadline passes. `signal.reason` is then a `PluginError` with the code
   * `CANCELLED` or `TIMED_OUT`: a plugin rejects with that very reason, promptly.
   */
  readonly signal: AbortSignal
  /** When the call must have ended: wall clock, milliseconds since the Unix epoch. `signal` fires at that moment. */
  readonly deadlineMs: number
  /** The tenant on whose behalf the call is made. */
  readonly tenantId: string
  /** W3C trace context of the request, `00-<trace id>-<parent id>-<flags>`, where there is one. */
  readonly traceparent?: string
}
