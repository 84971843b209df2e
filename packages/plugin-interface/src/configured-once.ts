import type { CallOptions } from "./call.ts"
import type { ConnectionStep } from "./connection-test.ts"
import type { PluginLifecycle } from "./lifecycle.ts"
import type { SetupDocument } from "./setup-document.ts"

/** A running plugin with one backend, which the operator configures once, in the profile. */
export interface ConfiguredOncePlugin extends PluginLifecycle {
  /**
   * Runs the steps that tell the operator whether the plugin's configuration works, and what is missing where it does
   * not. Yields each step when it has ended; a failure is a step, never a throw. Ends within 30 s under any fault.
   */
  testConnection(call: CallOptions): AsyncIterable<ConnectionStep>
  /**
   * Writes the documents with which the backend's administrator prepares it for this plugin's configuration. Touches no
   * network, works before credentials exist, and returns the same each time.
   */
  setupMaterial(call: CallOptions): Promise<readonly SetupDocument[]>
}
