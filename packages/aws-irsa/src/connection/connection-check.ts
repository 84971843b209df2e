import type { HttpResponse, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"
import type { Kms } from "../client.ts"
import type { SessionCache } from "../session/session-cache.ts"

/** Subject and tools of a connection test. */
export interface ConnectionTest {
  readonly kms: Kms
  readonly sessions: SessionCache
  readonly keyId: string
  readonly region: string
  /** Returns the last answer of AWS, for its date. */
  readonly lastAnswer: () => { readonly answer: HttpResponse; readonly receivedAtMs: number } | undefined
  readonly services: Pick<PluginServices, "clock" | "random">
}

/** One step. A rejection is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
