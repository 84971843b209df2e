import type { CallOptions } from "@apeiro-cmk/plugin-interface"

/** Temporary credentials of a role. */
export interface AwsSession {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Milliseconds since the Unix epoch, by the clock of AWS. */
  readonly expiresAtMs: number
  readonly backendRequestId?: string
}

/** Opens a new session. @throws {PluginError} any code of a keystore failure */
export type OpenSession = (call: CallOptions) => Promise<AwsSession>
