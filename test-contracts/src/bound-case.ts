/** One case, bound to the plugin that it proves. */
export interface BoundCase {
  readonly name: string
  /** Rejects when the plugin fails the case. @param onNotProven - hears what the case lacked to prove all that it is about */
  run(onNotProven: (lack: string) => void): Promise<void>
}

/** Cases that belong together. */
export interface BoundGroup {
  readonly name: string
  readonly cases: readonly BoundCase[]
}
