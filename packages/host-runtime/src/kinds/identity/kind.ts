import { configuredOnce } from "../configured-once.ts"
import type { HostKind } from "../kind.ts"

/** Plugins of kind `identity`: at most one. */
export const identityHostKind: HostKind<"identity"> = configuredOnce
