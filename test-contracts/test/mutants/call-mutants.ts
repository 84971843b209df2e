import { type CallOptions, type EncryptResult, PluginError } from "@apeiro-cmk/plugin-interface"
import { referencePlugin } from "../../src/index.ts"
import { anError, type Mutant, renamed } from "./mutant.ts"

const deaf = (call: CallOptions): CallOptions => ({ ...call, signal: new AbortController().signal })

export const callMutants: readonly Mutant[] = [
  {
    fault: "does not hear the caller give up during a call",
    caughtBy: "rejects promptly with CANCELLED when the caller gives up in the middle of a call",
    andBy: [
      "rejects promptly with TIMED_OUT when the deadline passes in the middle of a call",
      "rejects each of 20 parallel calls when the keystore falls silent",
    ],
    keystore: (real) => ({
      encrypt: (request, call) => real.encrypt(request, call.signal.aborted ? call : deaf(call)),
    }),
  },
  {
    fault: "begins work for a caller who has given up already",
    caughtBy: "rejects every call whose caller has given up already, with CANCELLED",
    andBy: ["rejects every call whose deadline has passed already, with TIMED_OUT"],
    keystore: (real) => ({
      describeKey: (key, call) => real.describeKey(key, call.signal.aborted ? deaf(call) : call),
    }),
  },
  {
    fault: "reports a time-out as a missing key",
    caughtBy: "rejects promptly with TIMED_OUT when the deadline passes in the middle of a call",
    andBy: [
      "rejects every call whose deadline has passed already, with TIMED_OUT",
      "rejects with the very reason of the signal, not with a copy of it",
      "rejects each of 20 parallel calls when the keystore falls silent",
    ],
    keystore: (real) => ({
      encrypt: (request, call) => renamed(real.encrypt(request, call), "TIMED_OUT", () => anError("KEY_NOT_FOUND")),
    }),
  },
  {
    fault: "wraps the reason of the signal",
    caughtBy: "rejects with the very reason of the signal, not with a copy of it",
    andBy: ["rejects promptly with CANCELLED when the caller gives up in the middle of a call"],
    keystore: (real) => ({
      encrypt: (request, call) => renamed(real.encrypt(request, call), "CANCELLED", () => anError("CANCELLED")),
    }),
  },
  {
    fault: "shares one answer between parallel calls",
    caughtBy: "does not mix the answers of 20 parallel calls",
    andBy: ["answers calls of different kinds that run side by side, each with its own answer"],
    keystore(real) {
      let inFlight: Promise<EncryptResult> | undefined
      return {
        encrypt(request, call) {
          inFlight ??= real.encrypt(request, call).finally(() => {
            inFlight = undefined
          })
          return inFlight
        },
      }
    },
  },
  {
    fault: "closes only once",
    caughtBy: "closes twice, and answers nothing afterwards",
    keystore(real) {
      let closed = 0
      return {
        async close() {
          closed += 1
          // The contract itself closes at the end of each case: only the second close in one case counts.
          if (closed === 2) throw anError("INTERNAL")
          await real.close()
        },
      }
    },
  },
  {
    fault: "answers after it was closed",
    caughtBy: "closes twice, and answers nothing afterwards",
    andBy: ["rejects a call in flight with CANCELLED when the keystore is closed"],
    keystore: () => ({ close: async () => undefined }),
  },
  {
    fault: "gives every caller the same handle",
    caughtBy: "keeps one handle working when another one to the same keystore is closed",
    andBy: ["says CREDENTIAL_REJECTED when a secret is wrong, and nothing else about the keystore"],
    plugin(real) {
      let only: ReturnType<typeof real.openKeystore> | undefined
      return {
        openKeystore(input, call) {
          if (!referencePlugin.configuration.keystore.parse(input).ok) return real.openKeystore(input, call)
          only ??= real.openKeystore(input, call)
          return only
        },
      }
    },
  },
  {
    fault: "stops only once",
    caughtBy: "stops twice",
    plugin(real) {
      let stopped = 0
      return {
        async stop() {
          stopped += 1
          if (stopped === 2) throw anError("INTERNAL")
          await real.stop()
        },
      }
    },
  },
  {
    fault: "leaves its connections open",
    caughtBy: "leaves no connection open once the plugin has stopped",
    plugin: () => ({ stop: async () => undefined }),
  },
  {
    fault: "answers a probe without asking the keystore",
    caughtBy: "answers no probe while nobody listens",
    andBy: ["says KEY_DISABLED when the administrator has disabled the key"],
    keystore: () => ({
      async probe(call) {
        if (call.signal.aborted) throw call.signal.reason
        return { latencyMs: 1 }
      },
    }),
  },
  {
    fault: "measures no latency",
    caughtBy: "answers a probe with a latency that it measured",
    keystore: (real) => ({
      async probe(call) {
        await real.probe(call)
        return { latencyMs: Number.NaN }
      },
    }),
  },
  {
    fault: "touches the network when a keystore is opened",
    caughtBy: "opens a keystore without touching the network",
    plugin: (real) => ({
      async openKeystore(input, call) {
        const keystore = await real.openKeystore(input, call)
        await keystore.describeKey(keystore.defaultKey, call).catch(() => undefined)
        return keystore
      },
    }),
  },
  {
    fault: "says UNREACHABLE where it is denied",
    caughtBy: "says DENIED when the administrator has taken its rights, and nothing else",
    keystore: (real) => ({
      encrypt: (request, call) => renamed(real.encrypt(request, call), "DENIED", () => anError("UNREACHABLE")),
    }),
  },
  {
    fault: "says DENIED where its credential is rejected",
    caughtBy: "says CREDENTIAL_REJECTED when a secret is wrong, and nothing else about the keystore",
    andBy: ["says CREDENTIAL_REJECTED when the administrator has revoked its credential"],
    keystore: (real) => ({
      encrypt: (request, call) => renamed(real.encrypt(request, call), "CREDENTIAL_REJECTED", () => anError("DENIED")),
    }),
  },
  {
    fault: "gives an error without a next step",
    caughtBy: "says KEY_NOT_FOUND about a key that the keystore does not have",
    andBy: ["says that the key is gone when the administrator has deleted it"],
    keystore: (real) => ({
      describeKey: (key, call) =>
        renamed(real.describeKey(key, call), "KEY_NOT_FOUND", () => {
          const facts = { origin: "backend", retryable: false, nextStep: "" } as const
          return new PluginError("KEY_NOT_FOUND", "There is no such key.", facts)
        }),
    }),
  },
  {
    fault: "calls a denial retryable",
    caughtBy: "says DENIED when the administrator has taken its rights, and nothing else",
    keystore: (real) => ({
      encrypt: (request, call) =>
        renamed(real.encrypt(request, call), "DENIED", () => {
          const facts = { origin: "backend", retryable: true, nextStep: "Try again." } as const
          return new PluginError("DENIED", "Denied.", facts)
        }),
    }),
  },
  {
    fault: "lets a foreign error out",
    caughtBy: "says KEY_DISABLED when the administrator has disabled the key",
    andBy: [
      "disables a key: nothing is encrypted or decrypted with it",
      "lets a key that waits for its material encrypt nothing",
      "refuses key material that is altered, and the key stays without",
      "refuses key material that is cut short, and the key stays without",
      "refuses key material that is wrapped for another public key, and the key stays without",
    ],
    keystore: (real) => ({
      encrypt: (request, call) => renamed(real.encrypt(request, call), "KEY_DISABLED", () => new Error("disabled")),
    }),
  },
]
