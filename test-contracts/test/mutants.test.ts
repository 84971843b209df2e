import type { CallOptions, EncryptResult, KeyRef } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { failures, type Mutation } from "./recording-runner.ts"

const unbound = { tenantId: "any", keyId: "any", keyVersion: 1 }
const deaf = (call: CallOptions): CallOptions => ({ ...call, signal: new AbortController().signal })
const fact = { key_access_seen: true }

/** Plugins with one fault each, and the case that must see it. */
const mutants: readonly (readonly [fault: string, seenBy: string, mutation: Mutation])[] = [
  [
    "does not bind the context",
    "under another tenant",
    {
      keystore: (real) => ({
        encrypt: (request, call) => real.encrypt({ ...request, context: unbound }, call),
        decrypt: (request, call) => real.decrypt({ ...request, context: unbound }, call),
      }),
    },
  ],
  [
    "joins the parts of the context without their lengths",
    "run into each other",
    {
      keystore: (real) => {
        const joined = (context: typeof unbound) => ({ ...unbound, keyId: context.tenantId + context.keyId })
        return {
          encrypt: (request, call) => real.encrypt({ ...request, context: joined(request.context) }, call),
          decrypt: (request, call) => real.decrypt({ ...request, context: joined(request.context) }, call),
        }
      },
    },
  ],
  [
    "encrypts without the keystore",
    "uses the keystore's own key",
    {
      keystore: () => ({
        encrypt: async ({ plaintext }) => ({ ciphertext: Buffer.from(plaintext).reverse(), keyVersion: "1" }),
      }),
    },
  ],
  [
    "ignores the version of the key",
    "under another version of its key",
    { keystore: (real) => ({ decrypt: (request, call) => real.decrypt({ ...request, keyVersion: "1" }, call) }) },
  ],
  [
    "makes the key that it does not find",
    "never makes a key by encrypting",
    {
      keystore: (real) => ({
        async encrypt(request, call) {
          await real.createKey({ keyId: request.key.keyId, origin: "generate" }, call)
          return real.encrypt(request, call)
        },
      }),
    },
  ],
  [
    "does not hear the caller give up",
    "gives up in the middle of a call",
    { keystore: (real) => ({ encrypt: (request, call) => real.encrypt(request, deaf(call)) }) },
  ],
  [
    "does not keep the deadline",
    "the deadline passes in the middle of a call",
    { keystore: (real) => ({ encrypt: (request, call) => real.encrypt(request, deaf(call)) }) },
  ],
  [
    "puts the plaintext into an error",
    "lets no secret and no plaintext",
    {
      keystore: (real) => ({
        encrypt: (request, call) =>
          real.encrypt(request, call).catch((error: unknown) => {
            throw Object.assign(error as Error, { sent: Buffer.from(request.plaintext).toString("base64") })
          }),
      }),
    },
  ],
  [
    "shares one answer between parallel calls",
    "does not mix the answers",
    {
      keystore: (real) => {
        let shared: Promise<EncryptResult> | undefined
        return {
          encrypt(request, call) {
            shared ??= real.encrypt(request, call)
            return shared
          },
        }
      },
    },
  ],
  [
    "does nothing for a capability that it lacks",
    "rejects importKey with UNSUPPORTED",
    { keystore: () => ({ getImportParameters: async () => ({}) as never }) },
  ],
  [
    "does nothing for a capability that it claims",
    "disables a key",
    { keystore: () => ({ disableKey: async (_key: KeyRef) => undefined }) },
  ],
  [
    "states a fact that the manifest does not declare",
    "only facts that the manifest declares",
    {
      keystore: (real) => ({
        async *testConnection(call) {
          for await (const step of real.testConnection(call)) yield { ...step, facts: fact }
        },
      }),
    },
  ],
  [
    "throws out of a connection test",
    "not with a throw",
    {
      keystore: (real) => ({
        async *testConnection(call) {
          await real.probe(call)
          yield* real.testConnection(call)
        },
      }),
    },
  ],
  [
    "takes whatever configuration it gets",
    "refuses an unknown field",
    {
      plugin: (real) => ({
        openKeystore: ({ no_such_field: _ignored, ...rest }, call) => real.openKeystore(rest, call),
      }),
    },
  ],
  ["has a manifest that can be changed", "frozen plain data", { manifest: { identityFields: ["key_name"] } }],
]

describe("a plugin with a fault fails the case that is about it", () => {
  for (const [fault, seenBy, mutation] of mutants) {
    it(`a plugin that ${fault}`, async () => {
      expect((await failures(mutation, seenBy)).size).toBe(1)
    })
  }
})

describe("a plugin without a fault", () => {
  it("passes the same cases when it is run the same way", async () => {
    for (const [, seenBy] of mutants.slice(0, -1)) expect(await failures(frozen, seenBy)).toEqual(new Map())
  })
})

const frozen: Mutation = {}
