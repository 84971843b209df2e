import assert from "node:assert/strict"
import type { CallOptions, KeystoreCapability, KeystoreV1, PluginError } from "@apeiro-cmk/plugin-interface"
import { cancellation, collectSteps, expectPromptRejection, expiry } from "../../cases/expectations.ts"
import { within } from "../../cases/within.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"

const promptlyMs = 2_000

/** Callers that give up, and deadlines that have passed, before a call begins. */
export const abortCases: readonly KeystoreCase[] = [
  {
    name: "rejects every call whose caller has given up already, with CANCELLED",
    run: (opened) => expectReasonOfEveryCall(opened, cancellation()),
  },
  {
    name: "rejects every call whose deadline has passed already, with TIMED_OUT",
    run: (opened) => expectReasonOfEveryCall(opened, expiry()),
  },
  {
    name: "makes no key for a caller who has given up already",
    async run({ instance, backend, definition, call }) {
      if (!definition.manifest.capabilities.includes("createKey")) return
      const keyId = backend.unusedKeyId()
      const aborted = call({ signal: AbortSignal.abort(cancellation()) })
      await expectPromptRejection(instance.createKey({ keyId, origin: "generate" }, aborted), "CANCELLED")
      assert.equal(await backend.keyExists(keyId), false, "a key was made")
    },
  },
  {
    name: "rejects with the very reason of the signal, not with a copy of it",
    async run({ instance, call }) {
      const request = { key: instance.defaultKey, plaintext, context }
      for (const reason of [cancellation(), expiry()]) {
        const work = instance.encrypt(request, call({ signal: AbortSignal.abort(reason) }))
        assert.equal(await expectPromptRejection(work, reason.code), reason, "the reason was replaced")
      }
    },
  },
  {
    name: "ends a connection test whose caller has given up with a failed step, not with a throw",
    async run({ instance, call }) {
      const steps = collectSteps(instance.testConnection(call({ signal: AbortSignal.abort(cancellation()) })))
      const outcomes = (await within(steps, promptlyMs)).map((step) => step.outcome)
      assert.ok(outcomes.includes("failed"), `the outcomes were: ${outcomes.join(", ")}`)
    },
  },
]

async function expectReasonOfEveryCall(opened: KeystoreCaseContext, reason: PluginError): Promise<void> {
  for (const start of await everyCall(opened)) {
    const call = opened.call({ signal: AbortSignal.abort(reason) })
    await expectPromptRejection(start(opened.instance, call), reason.code)
  }
  await expectStillWorks(opened)
}

type StartCall = (instance: KeystoreV1, call: CallOptions) => Promise<unknown>

/** Every method that this plugin has: those of each keystore, and those of its capabilities. */
async function everyCall(opened: KeystoreCaseContext): Promise<readonly StartCall[]> {
  const key = opened.instance.defaultKey
  const sealed = await opened.instance.encrypt({ key, plaintext, context }, opened.call())
  const byCapability: Readonly<Record<KeystoreCapability, StartCall>> = {
    listKeyVersions: (keystore, call) => keystore.listKeyVersions(key, call),
    createKey: (keystore, call) => keystore.createKey({ keyId: "never-made", origin: "generate" }, call),
    enableKey: (keystore, call) => keystore.enableKey(key, call),
    disableKey: (keystore, call) => keystore.disableKey(key, call),
    rotateKey: (keystore, call) => keystore.rotateKey(key, call),
    deleteKey: (keystore, call) => keystore.deleteKey(key, call),
    importKey: (keystore, call) => keystore.getImportParameters(key, call),
  }
  return [
    (keystore, call) => keystore.encrypt({ key, plaintext, context }, call),
    (keystore, call) => keystore.decrypt({ key, ...sealed, context }, call),
    (keystore, call) => keystore.describeKey(key, call),
    (keystore, call) => keystore.probe(call),
    ...opened.definition.manifest.capabilities.map((capability) => byCapability[capability]),
  ]
}
