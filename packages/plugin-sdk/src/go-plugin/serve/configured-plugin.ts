import {
  type ConfigurationIssue,
  type ConfigurationParser,
  isCodedError,
  type JsonValue,
  type PluginLifecycle,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { status } from "@grpc/grpc-js"
import { LineCounter, parseDocument, visit } from "yaml"
import type { Config } from "../generated/service/common/config/v1/config_pb.js"
import type { UnaryHandlers } from "../wire/unary-service.ts"
import { WireError } from "../wire/wire-error.ts"

/** A plugin that its host configures over the wire. */
export interface ConfiguredPlugin<Plugin> {
  readonly handlers: UnaryHandlers<typeof Config>
  /** @throws {WireError} FAILED_PRECONDITION - the host has not configured it */
  current(): Plugin
  /** What the host has put beside the plugin's own configuration under one of {@link ConfiguredOptions.hostMembers}. */
  hostMember(name: string): JsonValue | undefined
  /** Is told whenever a plugin is about to stop because another one has taken its place. */
  onReplaced(release: () => Promise<void>): void
  /** Idempotent. */
  stop(): Promise<void>
}

/** What makes a plugin of its configuration. */
export interface PluginMaker<Plugin> {
  readonly manifest: { readonly name: string }
  readonly configuration: { readonly plugin: ConfigurationParser<unknown> }
  create(configuration: unknown, services: PluginServices): Plugin
}

/** What {@link createConfigured} is told beside the plugin. */
export interface ConfiguredOptions {
  /** Of the package, for the host's version information. */
  readonly version: string
  /** Members that the host itself writes into every configuration; the plugin does not see them. */
  readonly hostMembers: readonly string[]
}

const startTimeoutMs = 30_000

/** Makes it: each `Configure` parses, creates and starts; a new one takes the place of the one before, which then stops. */
export function createConfigured<Plugin extends PluginLifecycle>(
  maker: PluginMaker<Plugin>,
  services: PluginServices,
  { version, hostMembers }: ConfiguredOptions,
): ConfiguredPlugin<Plugin> {
  const { name } = maker.manifest
  const buildInfo = JSON.stringify({ product: name, version })
  let running: Plugin | undefined
  let given: Readonly<Record<string, JsonValue>> = {}
  let last: Promise<unknown> = Promise.resolve()
  let release: () => Promise<void> = async () => undefined

  async function configure(yaml: string): Promise<void> {
    const { own, byHost } = divided(readYaml(yaml), hostMembers)
    const parsed = maker.configuration.plugin.parse(own)
    if (!parsed.ok) throw new WireError(status.INVALID_ARGUMENT, issuesText(name, parsed.issues))
    const next = maker.create(parsed.value, services)
    try {
      await next.start(AbortSignal.timeout(startTimeoutMs))
    } catch (error) {
      await next.stop()
      const reason = isCodedError(error)
        ? `${error.message} ${error.nextStep}`
        : "It failed in a way that it does not declare."
      throw new WireError(status.FAILED_PRECONDITION, `${name} does not start. ${reason}`, undefined, { cause: error })
    }
    const before = running
    running = next
    given = byHost
    await release()
    await before?.stop()
  }

  return {
    handlers: {
      async configure({ yamlConfiguration }) {
        // One after the other: hosts may ask twice at once.
        const mine = last.then(() => configure(yamlConfiguration))
        last = mine.catch(() => undefined)
        await mine
        return { buildInfo }
      },
    },
    current() {
      if (running === undefined) throw new WireError(status.FAILED_PRECONDITION, `${name} has not been configured.`)
      return running
    },
    hostMember: (member) => given[member],
    onReplaced(told) {
      release = told
    },
    async stop() {
      await running?.stop()
    },
  }
}

/** Nothing at all is an empty configuration. The parser's own text is not passed on: it quotes the document. */
function readYaml(yaml: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(yaml, { merge: false, lineCounter })
  const refuse = (fault: string, { line, col } = { line: 1, col: 1 }) => {
    throw new WireError(status.INVALID_ARGUMENT, `yamlConfiguration ${fault}: line ${line}, column ${col}.`)
  }
  const [fault] = document.errors
  if (fault !== undefined) refuse("is no YAML", fault.linePos?.[0])
  // A few of them can make a gigabyte of a line.
  visit(document, { Alias: (_key, { range }) => refuse("may hold no aliases", lineCounter.linePos(range?.[0] ?? 0)) })
  return document.toJS() ?? {}
}

function divided(document: unknown, hostMembers: readonly string[]) {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return { own: document, byHost: {} }
  // What came as YAML, without aliases, is JSON.
  const entries = Object.entries(document) as [string, JsonValue][]
  const ofHost = ([name]: [string, JsonValue]) => hostMembers.includes(name)
  return {
    own: Object.fromEntries(entries.filter((entry) => !ofHost(entry))),
    byHost: Object.fromEntries(entries.filter(ofHost)),
  }
}

function issuesText(name: string, issues: readonly ConfigurationIssue[]): string {
  const lines = issues.map(({ path, message }) => `${path.join(".") || "configuration"}: ${message}`)
  return `${name} refuses its configuration. ${lines.join("; ")}.`
}
