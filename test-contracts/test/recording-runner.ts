import type { KeystorePluginDefinitionV1, KeystorePluginV1, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { keystoreContract, openReference, referencePlugin } from "../src/index.ts"

/** What a mutant does differently from the reference plugin. */
export interface Mutation {
  /** Methods that stand in for those of an opened keystore. */
  readonly keystore?: (real: KeystoreV1) => Partial<KeystoreV1>
  /** Methods that stand in for those of the plugin. */
  readonly plugin?: (real: KeystorePluginV1) => Partial<KeystorePluginV1>
  readonly manifest?: Partial<KeystorePluginDefinitionV1["manifest"]>
}

/** Runs the cases of the contract whose name contains a text against a mutant. @returns how each of them failed, by name */
export async function failures(mutation: Mutation, nameContains: string): Promise<ReadonlyMap<string, string>> {
  const plugin = mutated(mutation)
  const cases: { readonly name: string; readonly run: () => Promise<void> }[] = []
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: (name: string, run: () => Promise<void>) => cases.push({ name, run }),
  }
  keystoreContract(runner, { plugin, network: "tcp", open: openReference(plugin) })
  const chosen = cases.filter(({ name }) => name.includes(nameContains))
  if (chosen.length === 0) throw new Error(`the contract has no case about: ${nameContains}`)
  const failed = new Map<string, string>()
  for (const { name, run } of chosen) {
    await run().catch((error: unknown) => failed.set(name, String(error)))
  }
  return failed
}

function mutated(mutation: Mutation): typeof referencePlugin {
  return {
    manifest: { ...referencePlugin.manifest, ...mutation.manifest },
    configuration: referencePlugin.configuration,
    create(configuration, services) {
      const real = referencePlugin.create(configuration, services)
      const openKeystore: KeystorePluginV1["openKeystore"] = async (input, call) => {
        const keystore = await real.openKeystore(input, call)
        return overlay(keystore, mutation.keystore?.(keystore))
      }
      return overlay({ ...real, openKeystore }, mutation.plugin?.(real))
    },
  }
}

function overlay<T extends object>(real: T, changes: Partial<T> = {}): T {
  return new Proxy(real, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown
      const value: unknown = Reflect.get(target, name)
      return typeof value === "function" ? value.bind(target) : value
    },
  })
}
