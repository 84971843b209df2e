import { setTimeout as delay } from "node:timers/promises"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import {
  type Fault,
  type FaultOperation,
  faults,
  keystoreFaultMatrix,
  type OpenRequest,
  openReference,
  referencePlugin,
} from "../src/index.ts"
import { anError, renamed } from "./mutants/mutant.ts"

const withoutCertificates = faults.filter((fault) => fault !== "foreignAuthority" && fault !== "expiredCertificate")

keystoreFaultMatrix(
  { describe, it: it.concurrent },
  { name: "reference", faults: withoutCertificates, open: openBehindProxy },
)

describe("the fault matrix finds a plugin that", () => {
  const found: readonly (readonly [
    string,
    Fault,
    FaultOperation,
    (real: KeystoreV1) => Partial<KeystoreV1>,
    RegExp,
  ])[] = [
    [
      "answers long after its deadline",
      "blackHole",
      "probe",
      (real) => ({
        async probe(call) {
          try {
            return await real.probe(call)
          } finally {
            await delay(2_500)
          }
        },
      }),
      /after their deadline/,
    ],
    [
      "takes a time-out for a broken connection",
      "slow",
      "encrypt",
      (real) => ({
        encrypt: (request, call) => renamed(real.encrypt(request, call), "TIMED_OUT", () => anError("UNREACHABLE")),
      }),
      /UNREACHABLE/,
    ],
    ["stays broken", "reset", "decrypt", staysBroken, /first call after the fault/],
    ["leaves a connection open", "serverError", "encrypt", () => ({ close: async () => undefined }), /left open/],
    [
      "invents an answer",
      "wrongJson",
      "probe",
      (real) => ({ probe: (call) => real.probe(call).catch(() => ({ latencyMs: 1 })) }),
      /must fail with BAD_RESPONSE/,
    ],
  ]
  it.concurrent.each(found)("%s", async (_name, fault, operation, change, failure) => {
    const tests = new Map<string, () => Promise<void>>()
    const runner = {
      describe: (_group: string, body: () => void) => body(),
      it: (name: string, body: () => Promise<void>) => tests.set(name.split(" ")[1] ?? "", body),
    }
    const open = async (request: OpenRequest) => {
      const opened = await openBehindProxy(request)
      const changes = change(opened.instance)
      const instance = Object.assign(Object.create(opened.instance), bound(opened.instance), changes) as KeystoreV1
      // Nobody stops the plugin of the one that leaves a connection open.
      return { ...opened, instance, plugin: { ...opened.plugin, stop: changes.close ?? opened.plugin.stop } }
    }
    keystoreFaultMatrix(runner, { name: "mutant", faults: [fault], open })
    await expect(tests.get(operation)?.()).rejects.toThrow(failure)
  })
})

function staysBroken(real: KeystoreV1): Partial<KeystoreV1> {
  let broken: unknown
  return {
    async decrypt(request, call) {
      if (broken !== undefined) throw broken
      return real.decrypt(request, call).catch((error: unknown) => {
        broken = error
        throw error
      })
    },
  }
}

/** Methods that keep their own `this` when another object takes them over. */
function bound(keystore: KeystoreV1): Partial<KeystoreV1> {
  const methods = ["encrypt", "decrypt", "describeKey", "testConnection", "probe", "close"] as const
  return Object.fromEntries(methods.map((name) => [name, keystore[name].bind(keystore)]))
}

async function openBehindProxy(request: OpenRequest) {
  const opened = await openReference(referencePlugin)(request)
  if (opened.proxy === undefined) throw new Error("the reference has no proxy")
  return { ...opened, proxy: opened.proxy }
}
