import type {
  CallOptions,
  ConfiguredOncePlugin,
  JsonValue,
  Plugin,
  PluginDefinition,
  PluginKind,
  PluginManifest,
} from "@apeiro-cmk/plugin-interface"
import type { TcpFaultProxy } from "../fault-proxy/proxy.ts"

/** Kinds whose plugins the operator configures once. */
export type ConfiguredOnceKind = {
  readonly [Kind in PluginKind]: Plugin<Kind> extends ConfiguredOncePlugin ? Kind : never
}[PluginKind]

/** A plugin configuration as an operator writes it. */
export type PluginConfigurationInput = Readonly<Record<string, JsonValue>>

/** Options of `pluginContract` for a plugin that the operator configures once. */
export interface ConfiguredOnceContractOptions<Kind extends ConfiguredOnceKind> {
  /** The value that the plugin's package exports under the name `plugin`. Its manifest alone chooses the cases. */
  readonly plugin: PluginDefinition<Kind>
  /**
   * How the plugin reaches its backend. `tcp`: `open` puts a `tcpFaultProxy` between the two, and the cases about refused
   * and silent connections run. `none`: the backend is in the same process or machine, without TCP.
   */
  readonly network: "tcp" | "none"
  /**
   * URL of the module that exports `plugin`, as `import.meta.resolve` returns it. The kit imports it in a separate process
   * and looks which packages load with it.
   */
  readonly moduleUrl?: string
  /** Packages that may load together with the manifest, in addition to `zod` and those of `@apeiro-cmk`; never a vendor's SDK. */
  readonly mayLoad?: readonly string[]
  /** Makes everything that one case needs, and nothing that two cases share: no case depends on another. */
  open(request: OpenPluginRequest): Promise<OpenedPlugin<Kind>>
}

/** One call of `open`. */
export interface OpenPluginRequest {
  /** Fires when the case has ended or has taken too long. */
  readonly signal: AbortSignal
  /**
   * Changes the valid configuration. With an invalid one, `open` must reject as the host's start would: with the
   * plugin's refusal.
   */
  change?(valid: PluginConfigurationInput): PluginConfigurationInput
}

/** A plugin that was created and not started, and its surroundings. */
export interface OpenedPlugin<Kind extends ConfiguredOnceKind> {
  /** The plugin; the case starts and stops it. The process of a plugin that is one already runs. */
  readonly plugin: Plugin<Kind>
  /** The valid configuration from which it was created. */
  readonly configuration: PluginConfigurationInput
  /** Each secret that the plugin can see. The kit looks for them in everything that the plugin exposes. */
  readonly canaries: readonly (string | Uint8Array)[]
  /** Returns everything that the plugin has logged up to now, as text. */
  logs(): string
  /** Returns everything that the plugin has reported to the audit stream up to now. */
  auditEvents?(): readonly unknown[]
  /** The proxy through which the plugin reaches its backend. Needed with `network: "tcp"`. */
  readonly proxy?: TcpFaultProxy
  /** Releases what `open` made, also after the case has stopped the plugin. */
  close(): Promise<void>
}

/** One call to a plugin of a kind, with arguments that any caller might send. Its answer does not matter. */
export type KindCall<Kind extends ConfiguredOnceKind> = (plugin: Plugin<Kind>, call: CallOptions) => Promise<unknown>

/** The calls that a kind has. */
export interface KindCalls<Kind extends ConfiguredOnceKind> {
  /** Those that every plugin of the kind answers, by the name of the method. */
  readonly always: Readonly<Record<string, KindCall<Kind>>>
  /** The one of each capability. */
  readonly byCapability: Readonly<Record<PluginManifest<Kind>["capabilities"][number], KindCall<Kind>>>
}
