/** One limit on time, and the limit that encloses it. */
interface TimeBudget {
  /** Longest time, in milliseconds. */
  readonly limitMs: number
  /** Name of the limit that encloses this one. It is longer, so that the caller sees the inner, more specific error. */
  readonly within?: string
}

/**
 * Every limit on the way from a request to a keystore. A caller's own deadline may be shorter, and then it counts. The
 * limits of the data-key path fit into each other from `request` to `pluginRequest`.
 *
 * A plugin's login is shared by all calls that wait for it and may outlive the one that began it; each call still waits no
 * longer than its own limit.
 */
export const timeBudgets = {
  /** One API request, unless its route says otherwise. */
  request: { limitMs: 10_000 },
  /** Finding and opening a service key, for all requests that wait for it. */
  serviceKeyLoad: { limitMs: 9_500, within: "request" },
  /** Unwrapping a tenant key for a lease; never longer than that lease. */
  leaseRenewal: { limitMs: 9_000, within: "serviceKeyLoad" },
  /** One operation of a keystore, opening it included. */
  keystoreOperation: { limitMs: 8_000, within: "leaseRenewal" },
  /** Opening a saved keystore, for all operations that wait for it. */
  keystoreOpening: { limitMs: 7_000, within: "keystoreOperation" },
  /** One request of a plugin to its backend: the default of `requestTimeoutMs` in the plugin SDK. */
  pluginRequest: { limitMs: 5_000, within: "keystoreOpening" },
  /** A plugin's process waits for the host to acknowledge an audit event, e.g. of the login that opens a keystore. */
  auditAcknowledgement: { limitMs: 6_800, within: "keystoreOpening" },
  /** One entry of the audit log waits for its commit. */
  auditCommit: { limitMs: 6_500, within: "auditAcknowledgement" },

  /** An API request that tests a connection. */
  connectionTestRequest: { limitMs: 45_000 },
  /** A whole connection test. */
  connectionTest: { limitMs: 30_000, within: "connectionTestRequest" },
  /** The plugin's steps of a connection test; the rest is for the host's own step. */
  connectionTestSteps: { limitMs: 25_000, within: "connectionTest" },

  /** An API request that releases a claim: two keystores are asked, at most six operations in turn. */
  claimRelease: { limitMs: 50_000 },

  /** One run of the job that makes or removes a platform keystore. */
  platformJob: { limitMs: 60_000 },
  /** One call of that run to the platform's server. */
  platformServer: { limitMs: 55_000, within: "platformJob" },
} as const satisfies Record<string, TimeBudget>
