import type { PluginLifecycle } from "../lifecycle.ts"
import type { PluginManifestBase } from "../manifest.ts"

/** Types of one kind of plugin. */
export interface KindTypes {
  readonly manifest: PluginManifestBase<string, string>
  /** Parsers beside the one of the plugin configuration, by the name of what they parse. */
  readonly configuration: object
  readonly plugin: PluginLifecycle
}

/** One kind of plugin, as a row of the table of kinds: facts at run time, and the types that go with them. */
export interface KindRow<Types extends KindTypes, Capability extends string, AuditAction extends string> {
  readonly contract: Types["manifest"]["contract"]
  /** Every capability that a manifest of this kind declares or gives a reason for. */
  readonly capabilities: readonly Capability[]
  /** Actions that a plugin of this kind may report to the audit stream. */
  readonly auditActions: readonly AuditAction[]
  /** Carries types alone; never present at run time. */
  readonly types?: Types
}
