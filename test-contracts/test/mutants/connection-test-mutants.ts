import type { CallOptions, ConnectionStep, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import type { Mutant } from "./mutant.ts"

/** Changes each step of the connection test. */
function steps(change: (step: ConnectionStep, index: number) => ConnectionStep): Pick<Mutant, "keystore"> {
  return {
    keystore: (real) => ({
      async *testConnection(call) {
        let index = 0
        for await (const step of real.testConnection(call)) {
          yield change(step, index)
          index += 1
        }
      },
    }),
  }
}

export const connectionTestMutants: readonly Mutant[] = [
  {
    fault: "states a fact that the manifest does not declare",
    caughtBy: "states only facts that the manifest declares",
    ...steps((step) => ({ ...step, facts: { undeclared: true } })),
  },
  {
    fault: "throws out of a connection test",
    caughtBy: "ends a connection test whose caller has given up with a failed step, not with a throw",
    andBy: [
      "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
      "ends a connection test against a silent keystore with a failed step, by its deadline",
      "ends a connection test within 30 s, however much time its caller gives",
      "tells in a connection test that nobody listens, and what to do about it",
      "lets no secret and no plaintext into logs",
      "lets no secret and no plaintext into the steps of a connection test",
    ],
    keystore: (real) => ({
      async *testConnection(call) {
        for await (const step of real.testConnection(call)) {
          if (step.outcome === "failed") throw new Error(step.message)
          yield step
        }
      },
    }),
  },
  {
    fault: "names a step otherwise when it fails",
    caughtBy:
      "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
    ...steps((step) => (step.outcome === "failed" ? { ...step, name: `${step.name}_failed` } : step)),
  },
  {
    fault: "names its steps otherwise each time",
    caughtBy: "changes nothing: a second test says the same",
    andBy: [
      "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
    ],
    keystore(real) {
      let tests = 0
      return {
        async *testConnection(call) {
          tests += 1
          for await (const step of real.testConnection(call)) yield { ...step, name: `${step.name}_${tests}` }
        },
      }
    },
  },
  {
    fault: "gives two steps one name",
    caughtBy: "passes every step against a healthy keystore, each with its own name and a real duration",
    andBy: [
      "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
    ],
    ...steps((step) => ({ ...step, name: "step" })),
  },
  {
    fault: "measures no duration",
    caughtBy: "passes every step against a healthy keystore, each with its own name and a real duration",
    ...steps((step) => (step.outcome === "passed" ? { ...step, durationMs: Number.NaN } : step)),
  },
  {
    fault: "fails without saying what to do",
    caughtBy: "tells in a connection test that nobody listens, and what to do about it",
    andBy: [
      "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
      "ends a connection test against a silent keystore with a failed step, by its deadline",
    ],
    ...steps(({ nextStep: _left, ...step }) => step),
  },
  {
    fault: "lets a connection test take as long as its caller gives it",
    caughtBy: "ends a connection test within 30 s, however much time its caller gives",
    keystore: (real) => ({ testConnection: (call) => patient(real, call) }),
  },
  {
    fault: "passes whatever it finds",
    caughtBy: "ends a connection test whose caller has given up with a failed step, not with a throw",
    andBy: [
      "ends a connection test against a silent keystore with a failed step, by its deadline",
      "ends a connection test within 30 s, however much time its caller gives",
      "tells in a connection test that nobody listens, and what to do about it",
    ],
    ...steps((step) => ({ ...step, outcome: "passed" })),
  },
]

/** The steps of the reference plugin, without its own bound. */
async function* patient(real: KeystoreV1, call: CallOptions): AsyncGenerator<ConnectionStep> {
  for (const name of ["key_access", "round_trip"]) {
    const step = { name, durationMs: 1, message: "The mutant has waited." }
    try {
      await (name === "key_access" ? real.describeKey(real.defaultKey, call) : real.probe(call))
      yield { ...step, outcome: "passed" }
    } catch (error) {
      yield { ...step, outcome: "failed", code: isPluginError(error) ? error.code : "INTERNAL", nextStep: "Wait." }
      return
    }
  }
}
