import {
  type ConfigurationIssue,
  isCodedError,
  type KeystorePluginDefinitionV1,
  type KeystorePluginV1,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { status } from "@grpc/grpc-js"
import { parseDocument } from "yaml"
import type { Config } from "../generated/service/common/config/v1/config_pb.js"
import type { UnaryHandlers } from "../wire/unary-service.ts"
import { WireError } from "../wire/wire-error.ts"

/** A plugin that its host configures over the wire. */
export interface ConfiguredPlugin {
  readonly handlers: UnaryHandlers<typeof Config>
  /** @throws {WireError} FAILED_PRECONDITION - the host has not configured it */
  current(): KeystorePluginV1
  /** Is told whenever a plugin is about to stop because another one has taken its place. */
  onReplaced(release: () => Promise<void>): void
  /** Idempotent. */
  stop(): Promise<void>
}

const startTimeoutMs = 30_000

/** Makes it: each `Configure` parses, creates and starts; a new one takes the place of the one before, which then stops. */
export function createConfigured(
  definition: KeystorePluginDefinitionV1,
  services: PluginServices,
  version: string,
): ConfiguredPlugin {
  const { name } = definition.manifest
  const buildInfo = JSON.stringify({ product: name, version })
  let running: KeystorePluginV1 | undefined
  let last: Promise<unknown> = Promise.resolve()
  let release: () => Promise<void> = async () => undefined

  async function configure(yaml: string): Promise<void> {
    const parsed = definition.configuration.plugin.parse(readYaml(yaml))
    if (!parsed.ok) throw new WireError(status.INVALID_ARGUMENT, issuesText(name, parsed.issues))
    const next = definition.create(parsed.value, services)
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
  const document = parseDocument(yaml, { merge: false })
  const [fault] = document.errors
  if (fault !== undefined) {
    const { line, col } = fault.linePos?.[0] ?? { line: 1, col: 1 }
    throw new WireError(status.INVALID_ARGUMENT, `yamlConfiguration is no YAML: line ${line}, column ${col}.`)
  }
  return document.toJS({ maxAliasCount: 0 }) ?? {}
}

function issuesText(name: string, issues: readonly ConfigurationIssue[]): string {
  const lines = issues.map(({ path, message }) => `${path.join(".") || "configuration"}: ${message}`)
  return `${name} refuses its configuration. ${lines.join("; ")}.`
}
