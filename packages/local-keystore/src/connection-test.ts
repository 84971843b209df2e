import type { CallOptions, ConnectionStep, JsonValue, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { abortReason, toPluginError } from "@apeiro-cmk/plugin-sdk"

interface Seen {
  readonly message: string
  /** Set where the step passed with a reservation. */
  readonly nextStep?: string
  readonly facts?: Readonly<Record<string, JsonValue>>
}

/** The steps of a connection test, in order; the first that fails is the last. */
export async function* connectionSteps(
  keystore: Pick<KeystoreV1, "defaultKey" | "describeKey" | "probe">,
  checkFile: () => Promise<void>,
  call: CallOptions,
): AsyncGenerator<ConnectionStep> {
  const steps: readonly (readonly [name: string, work: () => Promise<Seen>])[] = [
    [
      "key_file",
      async () => {
        if (call.signal.aborted) throw abortReason(call.signal)
        await checkFile()
        return { message: "The key file is there, and only the host's user may read it." }
      },
    ],
    [
      "key_access",
      async () => {
        const { warnings, latestVersion, algorithm } = await keystore.describeKey(keystore.defaultKey, call)
        const facts = { l1_key_algorithm: algorithm, l1_key_version: latestVersion }
        return { message: warnings.join(" "), nextStep: "Use a keystore with an HSM outside of trials.", facts }
      },
    ],
    [
      "encrypt_decrypt",
      async () => {
        await keystore.probe(call)
        return { message: "32 random bytes were encrypted and came back." }
      },
    ],
  ]
  for (const [name, work] of steps) {
    const step = await run(name, work)
    yield step
    if (step.outcome === "failed") return
  }
}

async function run(name: string, work: () => Promise<Seen>): Promise<ConnectionStep> {
  const startedAtMs = performance.now()
  try {
    const seen = await work()
    const outcome = seen.nextStep === undefined ? "passed" : "warned"
    return { name, outcome, durationMs: performance.now() - startedAtMs, ...seen }
  } catch (error) {
    const fallback = { message: "The step failed in a way that the plugin does not know.", nextStep: "Report this." }
    const { code, message, nextStep } = toPluginError(error, fallback)
    return { name, outcome: "failed", durationMs: performance.now() - startedAtMs, message, nextStep, code }
  }
}
