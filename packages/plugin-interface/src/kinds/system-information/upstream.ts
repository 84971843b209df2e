import type { CallOptions } from "../../call.ts"

/** Upstream: SystemInformationService. */
export interface UpstreamSystemInformationV1 {
  /** @returns facts about the system, or `undefined` when nothing is known of it */
  get(
    system: { readonly id: string; readonly type: string },
    call: CallOptions,
  ): Promise<Readonly<Record<string, string>> | undefined>
}
