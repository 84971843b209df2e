import { configuredOnce } from "../configured-once.ts"
import type { HostKind } from "../kind.ts"

/** Plugins of kind `notification`: at most one. */
export const notificationHostKind: HostKind<"notification"> = configuredOnce
