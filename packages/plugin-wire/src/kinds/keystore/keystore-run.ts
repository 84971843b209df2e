import type { CallOptions, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import type { KeystoreInstanceConfig } from "../../generated/plugin/keystore/common/v1/common_pb.js"
import type { WireCall } from "../../wire/wire-call.ts"

/** Names a key and its keystore, as a request of the upstream host does. */
export interface KeyTarget {
  readonly keyId: string
  /** Region of a key that is to be created. */
  readonly region?: string
  readonly config?: KeystoreInstanceConfig | undefined
}

/** Makes one call to the keystore that a request names; it rejects with an error that the upstream host understands. */
export type KeystoreRun = <T>(
  target: KeyTarget | undefined,
  call: WireCall,
  work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<T>,
) => Promise<T>
