/** A component that does not work, and the reason. */
export interface Impairment {
  /** E.g. `host`, `database`, `plugin:openbao`, `audit_sequencer`. */
  readonly component: string
  readonly reason: string
}

/** Tells whether the host can serve. */
export interface Readiness {
  /** Lists what keeps the host from serving; empty when it can serve. Answers within a bounded time. */
  notReady(): Promise<readonly Impairment[]>
  /** Lists what does not work while the host serves. */
  degraded(): readonly Impairment[]
}
