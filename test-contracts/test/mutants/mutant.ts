import {
  isPluginError,
  type KeystorePluginV1,
  type KeystoreV1,
  type PluginDefinition,
  type PluginError,
  type PluginErrorCode,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import {
  keystoreCapabilities,
  keystoreContract,
  openReference,
  referencePlugin,
  type TestRunner,
} from "../../src/index.ts"

/** A plugin with one planted fault. */
export interface Mutant {
  /** Completes "a plugin that ...". */
  readonly fault: string
  /** The case that names the fault. */
  readonly caughtBy: string
  /** Every other case that fails with it. Default: none. */
  readonly andBy?: readonly string[]
  /** Methods that stand in for those of an opened keystore. */
  readonly keystore?: (real: KeystoreV1, around: Surroundings) => Partial<KeystoreV1>
  /** Methods that stand in for those of the plugin. */
  readonly plugin?: (real: KeystorePluginV1, around: Surroundings) => Partial<KeystorePluginV1>
  readonly manifest?: Partial<PluginDefinition<"keystore">["manifest"]>
  /** Leaves the manifest open to change. */
  readonly unfrozen?: boolean
}

/** Surroundings that a mutant can reach, as a real plugin can. */
export interface Surroundings {
  readonly services: PluginServices
  /** The secret of the configuration of the last opened keystore. */
  readonly secret: () => string
}

/** The case that waits for seconds, until a connection test gives up by itself, and the one that parses for as long as ten others. */
const longCases = {
  connectionTest: "ends a connection test within 30 s, however much time its caller gives",
  configuration: "judges hostile texts and sizes at once, and refuses them in at most 50 short issues",
} as const
/** Proves nothing here: mutants are not in a module of their own. */
const caseOfModules = "is readable without a vendor's SDK: importing the package loads none"
const casesAtATime = 8

/** Settings of {@link failuresOf}. */
export interface ContractSettings {
  /** Long cases that can fail; the others are left out. Default: all. */
  readonly longCases?: readonly (keyof typeof longCases)[]
}

/** Runs the contract against a mutant. @returns how each case failed, by name */
export async function failuresOf(
  mutant: Omit<Mutant, "fault" | "caughtBy">,
  { longCases: chosen = ["connectionTest", "configuration"] }: ContractSettings = {},
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>()
  const leftOut = new Set<string>(Object.values(longCases))
  for (const each of chosen) leftOut.delete(longCases[each])
  const queue = casesOf(mutated(mutant))
    .filter(({ name }) => !leftOut.has(name))
    .values()
  const work = async () => {
    for (const { name, run } of queue) await run().catch((failure: unknown) => failures.set(name, failure))
  }
  await Promise.all(Array.from({ length: casesAtATime }, work))
  return failures
}

/** The cases as the kit gives them to a test runner. */
function casesOf(plugin: typeof referencePlugin) {
  const cases: { readonly name: string; run(): Promise<void> }[] = []
  const runner: TestRunner = {
    describe: (_name, body) => body(),
    it: (name, run) => name !== caseOfModules && cases.push({ name, run }),
  }
  const open = openReference(plugin)
  keystoreContract(runner, { plugin, expectedCapabilities: keystoreCapabilities, network: "tcp", open })
  return cases
}

/** Does other work when a call rejects with one of some codes. */
export async function instead<T>(
  work: Promise<T>,
  codes: readonly PluginErrorCode[],
  other: (error: PluginError) => Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (isPluginError(error) && codes.includes(error.code)) return other(error)
    throw error
  }
}

/** Makes calls that reject with one code reject with another error. */
export async function renamed<T>(work: Promise<T>, from: PluginErrorCode, to: () => unknown): Promise<T> {
  return instead(work, [from], () => Promise.reject(to()))
}

/** An error that says nothing wrong but its code. */
export function anError(code: PluginErrorCode): PluginError {
  return pluginError(code, "The mutant says so.", "Kill the mutant.")
}

function mutated(mutant: Omit<Mutant, "fault" | "caughtBy">): typeof referencePlugin {
  const manifest = { ...referencePlugin.manifest, ...mutant.manifest }
  return {
    manifest: mutant.unfrozen ? structuredClone(manifest) : deepFreeze(manifest),
    configuration: referencePlugin.configuration,
    create(configuration, services) {
      const real = referencePlugin.create(configuration, services)
      let secret = ""
      const around = { services, secret: () => secret }
      const openKeystore: KeystorePluginV1["openKeystore"] = async (input, call) => {
        const keystore = await real.openKeystore(input, call)
        secret = String(input.api_key)
        return overlay(keystore, mutant.keystore?.(keystore, around))
      }
      const plugin = overlay(real, { openKeystore })
      return overlay(plugin, mutant.plugin?.(plugin, around))
    },
  }
}

/** Puts methods in front of those of an object. */
export function overlay<T extends object>(real: T, changes: Partial<T> = {}): T {
  return new Proxy(real, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown
      const value: unknown = Reflect.get(target, name)
      return typeof value === "function" ? value.bind(target) : value
    },
  })
}

/** Freezes a value and everything below it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
