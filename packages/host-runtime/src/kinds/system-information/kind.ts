import { configuredOnce } from "../configured-once.ts"
import type { HostKind } from "../kind.ts"

/** Plugins of kind `system-information`: at most one. */
export const systemInformationHostKind: HostKind<"system-information"> = configuredOnce
