import {
  isCodedError,
  type Plugin,
  type PluginDefinition,
  type PluginKind,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { issuesText } from "@apeiro-cmk/plugin-sdk"
import { status } from "@grpc/grpc-js"
import type { Config } from "../generated/service/common/config/v1/config_pb.js"
import type { UnaryHandlers } from "../wire/unary-service.ts"
import { WireError } from "../wire/wire-error.ts"
import { readYaml } from "./read-yaml.ts"

/** Options of a {@link ConfiguredPlugin}. */
export interface ConfiguredOptions {
  /** Version of the package, for the host's version information. */
  readonly version: string
  /** Members that the host itself writes into every configuration; the plugin does not see them. */
  readonly hostMembers: readonly string[]
}

const startTimeoutMs = 30_000

/**
 * A plugin that its host configures over the wire. Each `Configure` parses, creates and starts a plugin; the new one
 * replaces the one before, which then stops.
 */
export class ConfiguredPlugin<Kind extends PluginKind> {
  readonly handlers: UnaryHandlers<typeof Config>
  readonly #definition: PluginDefinition<Kind>
  readonly #services: PluginServices<Kind>
  readonly #hostMembers: readonly string[]
  #running: Plugin<Kind> | undefined
  #byHost: ReadonlyMap<string, unknown> = new Map()
  #last: Promise<unknown> = Promise.resolve()
  #release: () => Promise<void> = async () => undefined

  constructor(
    definition: PluginDefinition<Kind>,
    services: PluginServices<Kind>,
    { version, hostMembers }: ConfiguredOptions,
  ) {
    this.#definition = definition
    this.#services = services
    this.#hostMembers = hostMembers
    const buildInfo = JSON.stringify({ product: definition.manifest.name, version })
    this.handlers = {
      configure: async ({ yamlConfiguration }) => {
        // One after the other: hosts may ask twice at once.
        const mine = this.#last.then(() => this.#configure(yamlConfiguration))
        this.#last = mine.catch(() => undefined)
        await mine
        return { buildInfo }
      },
    }
  }

  /** Returns the plugin that runs now. @throws {WireError} FAILED_PRECONDITION - the host has not configured it */
  current(): Plugin<Kind> {
    if (this.#running !== undefined) return this.#running
    throw new WireError(status.FAILED_PRECONDITION, `${this.#definition.manifest.name} has not been configured.`)
  }

  /** Returns the value that the host wrote under one of {@link ConfiguredOptions.hostMembers}. */
  hostMember(name: string): unknown {
    return this.#byHost.get(name)
  }

  /** Sets the work that is done each time before a plugin stops because another one has replaced it. */
  onReplaced(release: () => Promise<void>): void {
    this.#release = release
  }

  /** Stops the plugin that runs. Idempotent. */
  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  async #configure(yaml: string): Promise<void> {
    const { name } = this.#definition.manifest
    const { own, byHost } = divided(readYaml(yaml), this.#hostMembers)
    const parsed = this.#definition.configuration.plugin.parse(own)
    if (!parsed.ok)
      throw new WireError(status.INVALID_ARGUMENT, `${name} refuses its configuration. ${issuesText(parsed.issues)}.`)
    const next = this.#definition.create(parsed.value, this.#services)
    await start(name, next)
    const before = this.#running
    this.#running = next
    this.#byHost = byHost
    await this.#release()
    await before?.stop()
  }
}

async function start<Kind extends PluginKind>(name: string, plugin: Plugin<Kind>): Promise<void> {
  try {
    await plugin.start(AbortSignal.timeout(startTimeoutMs))
  } catch (error) {
    await plugin.stop()
    const reason = isCodedError(error)
      ? `${error.message} ${error.nextStep}`
      : "It failed in a way that it does not declare."
    throw new WireError(status.FAILED_PRECONDITION, `${name} does not start. ${reason}`, undefined, { cause: error })
  }
}

function divided(document: unknown, hostMembers: readonly string[]) {
  const byHost = new Map<string, unknown>()
  if (typeof document !== "object" || document === null || Array.isArray(document)) return { own: document, byHost }
  const own: Record<string, unknown> = { ...document }
  for (const name of hostMembers) {
    if (!Object.hasOwn(own, name)) continue
    byHost.set(name, own[name])
    delete own[name]
  }
  return { own, byHost }
}
