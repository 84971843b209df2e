import type { CallOptions } from "../../call.ts"
import type { KeystoreConfigurationInput } from "../../configuration.ts"
import type { PluginLifecycle } from "../../lifecycle.ts"
import type { SetupDocument } from "../../setup-document.ts"
import type { KeystoreV1 } from "./keystore.ts"
import type { KeystoreProviderV1 } from "./provider.ts"
import type { UpstreamKeystoreHooksV1 } from "./upstream.ts"

/** A running plugin of kind `keystore`. */
export interface KeystorePluginV1 extends PluginLifecycle {
  /**
   * Opens the keystore that a configuration describes, for `call.tenantId`. Touches no network: a wrong credential shows
   * at the first call.
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong; `issues` has each fault
   */
  openKeystore(configuration: KeystoreConfigurationInput, call: CallOptions): Promise<KeystoreV1>
  /**
   * Writes the documents with which the keystore's administrator prepares it for this configuration of `call.tenantId`.
   * Touches no network; works before credentials exist, and is the same each time.
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong
   */
  setupMaterial(configuration: KeystoreConfigurationInput, call: CallOptions): Promise<readonly SetupDocument[]>
  /** Present when the operator has configured a server of the platform. */
  readonly provider?: KeystoreProviderV1
  readonly upstream?: UpstreamKeystoreHooksV1
}
