import { configuredOnce } from "../configured-once.ts"
import type { HostKind } from "../kind.ts"

/** Plugins of kind `certificate-issuer`: at most one. */
export const certificateIssuerHostKind: HostKind<"certificate-issuer"> = configuredOnce
