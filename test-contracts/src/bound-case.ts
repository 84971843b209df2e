/** One case, bound to the plugin that it proves. */
export interface BoundCase {
  readonly name: string
  /** Rejects when the plugin fails the case. @param onNotProven - receives what the case lacked for a complete proof */
  run(onNotProven: (lack: string) => void): Promise<void>
}

/** Cases that belong together. */
export interface BoundGroup {
  readonly name: string
  readonly cases: readonly BoundCase[]
}
