import { randomUUID } from "node:crypto"
import type {
  CallOptions,
  ConfigurationParser,
  ConfiguredOncePlugin,
  PluginManifest,
} from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "@apeiro-cmk/plugin-sdk"
import { within } from "../cases/within.ts"
import type { TcpFaultProxy } from "../fault-proxy/proxy.ts"
import type { ContractCase } from "../runner.ts"
import type {
  ConfiguredOnceContractOptions,
  ConfiguredOnceKind,
  KindCalls,
  OpenedPlugin,
  OpenPluginRequest,
} from "./options.ts"

const tenantId = "contract-tenant"
const caseWithinMs = 40_000
const defaultCallWithinMs = 10_000

/** A call to the plugin of a case. */
export interface BoundCall {
  readonly name: string
  start(call: CallOptions): Promise<unknown>
}

/** Everything that a case works with. */
export interface PluginCaseContext extends Omit<OpenedPlugin<ConfiguredOnceKind>, "plugin" | "proxy"> {
  readonly manifest: PluginManifest
  readonly parser: ConfigurationParser<unknown>
  readonly plugin: ConfiguredOncePlugin
  /** The plugin's proxy, where there is one. */
  readonly proxy: TcpFaultProxy | undefined
  /** The plugin's proxy. @throws when there is none */
  readonly proxied: TcpFaultProxy
  /** The calls that the plugin declares. */
  readonly calls: readonly BoundCall[]
  /** The call of each capability that the plugin does not declare. */
  readonly undeclared: readonly BoundCall[]
  readonly moduleUrl: string | undefined
  readonly mayLoad: readonly string[]
  /** Opens another plugin with a changed configuration, and closes it again. */
  openChanged(change: OpenPluginRequest["change"]): Promise<void>
  /** Reports that a case could prove only a part, and what it lacks. */
  notProven(lack: string): void
  /** Makes the options of one call, in time for a healthy backend unless `settings` say otherwise. */
  call(settings?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): RunningCall
}

/** One case of the contract of plugins that the operator configures once. */
export type PluginCase = ContractCase<PluginCaseContext>

/** Opens a plugin, runs one case against it, and releases everything again. */
export async function runPluginCase<Kind extends ConfiguredOnceKind>(
  each: PluginCase,
  options: ConfiguredOnceContractOptions<Kind>,
  kindCalls: KindCalls<Kind>,
  notProven: (lack: string) => void,
): Promise<void> {
  const ending = new AbortController()
  const calls: RunningCall[] = []
  const work = async () => {
    const opened = await options.open({ signal: ending.signal })
    try {
      await each.run(caseContext(opened, options, kindCalls, { signal: ending.signal, calls, notProven }))
    } finally {
      // Cases about stopping stop themselves: here a failure of it would only hide that of the case.
      await opened.plugin.stop().catch(() => undefined)
      await opened.close()
    }
  }
  try {
    await within(work(), caseWithinMs)
  } finally {
    for (const call of calls) call.dispose()
    ending.abort()
  }
}

interface RunningCase {
  readonly signal: AbortSignal
  readonly calls: RunningCall[]
  notProven(lack: string): void
}

function caseContext<Kind extends ConfiguredOnceKind>(
  opened: OpenedPlugin<Kind>,
  options: ConfiguredOnceContractOptions<Kind>,
  kindCalls: KindCalls<Kind>,
  { signal, calls, notProven }: RunningCase,
): PluginCaseContext {
  const { plugin, proxy, configuration, canaries } = opened
  const { manifest } = options.plugin
  return {
    ...{ plugin, proxy, configuration, canaries, manifest, notProven },
    ...callsOf(plugin, manifest.capabilities, kindCalls),
    parser: options.plugin.configuration.plugin,
    moduleUrl: options.moduleUrl,
    mayLoad: options.mayLoad ?? [],
    logs: () => opened.logs(),
    ...(opened.auditEvents === undefined ? {} : { auditEvents: opened.auditEvents }),
    close: () => opened.close(),
    get proxied() {
      if (proxy === undefined) throw new Error('with network "tcp", `open` must return a `proxy`')
      return proxy
    },
    async openChanged(change) {
      const changed = await options.open({ signal, ...(change === undefined ? {} : { change }) })
      await changed.plugin.stop()
      await changed.close()
    },
    call(settings = {}) {
      const call = callOptions({ tenantId, requestId: randomUUID(), timeoutMs: defaultCallWithinMs, ...settings })
      calls.push(call)
      return call
    },
  }
}

function callsOf<Kind extends ConfiguredOnceKind>(
  plugin: OpenedPlugin<Kind>["plugin"],
  declared: readonly string[],
  { always, byCapability }: KindCalls<Kind>,
): Pick<PluginCaseContext, "calls" | "undeclared"> {
  const bound = (calls: KindCalls<Kind>["always"]): BoundCall[] =>
    Object.entries(calls).map(([name, start]) => ({ name, start: (call) => start(plugin, call) }))
  const optional = bound(byCapability)
  return {
    calls: [...bound(always), ...optional.filter(({ name }) => declared.includes(name))],
    undeclared: optional.filter(({ name }) => !declared.includes(name)),
  }
}
