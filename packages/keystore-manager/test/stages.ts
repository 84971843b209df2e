import { KeystoreCaller } from "../src/caller/keystore-caller.ts"
import { HandlePool } from "../src/handle-pool.ts"
import type { CallStage } from "../src/index.ts"
import { setUp } from "./set-up.ts"

/** Makes a caller with stages of a test, for calls that open no keystore. */
export function callerOf(stages: readonly CallStage[]): KeystoreCaller {
  const { catalog, clock, logger, credentials } = setUp()
  return new KeystoreCaller(stages, new HandlePool({ catalog, credentials, clock, logger }))
}
