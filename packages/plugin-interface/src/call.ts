/** Purpose of a call that does not serve the use of a key. */
export type CallPurpose = "login" | "test"

/** Facts that travel with each call to a plugin. */
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
  /** Id of the request that the call belongs to, 1 to 128 characters. It is the same in the request's answer and audit entries. */
  readonly requestId: string
  /**
   * The keystore that the call is for, by the host's id, 1 to 63 characters. Every call to a keystore under our host has
   * it; the upstream server does not name keystores.
   */
  readonly keystoreId?: string
  /** W3C trace context of the request, `00-<trace id>-<parent id>-<flags>`, where there is one. */
  readonly traceparent?: string
  /**
   * Set inside a plugin for what it does on the way: a login, or a step of a connection test (`runConnectionTest` of the
   * SDK sets it). These have connections and name look-ups of their own, so that they never delay the use of keys.
   */
  readonly purpose?: CallPurpose
}
