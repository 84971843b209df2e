import type { KeystoreContractOptions } from "./options.ts"

/**
 * One keystore against which a plugin is proven. A plugin's tests export `startContractRun(): Promise<ContractRun>`, from
 * which its contract test and the capability table both come.
 */
export interface ContractRun {
  /** The keystore as people call it, e.g. `OpenBao`. */
  readonly backend: string
  /** Version of the keystore; `-` where it has none. */
  readonly version: string
  /** The judge that answered: the real keystore, an emulator of it, or software that is the keystore itself. */
  readonly judge: "real server" | "emulator" | "software"
  readonly options: KeystoreContractOptions
  /** Most cases that may run at the same time; 1 where a case may stop a server that others use. */
  readonly concurrency: number
  stop(): Promise<void>
}
