import assert from "node:assert/strict"
import { expectRejection } from "../../cases/expectations.ts"
import { context, type KeystoreCase, plaintext } from "./case-context.ts"

const longestPlaintextBytes = 4096

/** Ownership of memory: callers fill their buffers with zeros, and nothing else may change. */
export const bufferCases: readonly KeystoreCase[] = [
  {
    name: "changes no buffer that it is given",
    async run({ instance, call }) {
      const key = instance.defaultKey
      const given = Uint8Array.from(plaintext)
      const { ciphertext, keyVersion } = await instance.encrypt({ key, plaintext: given, context }, call())
      assert.deepEqual(Buffer.from(given), Buffer.from(plaintext), "encrypt changed the plaintext")
      const sealed = Uint8Array.from(ciphertext)
      await instance.decrypt({ key, ciphertext: sealed, keyVersion, context }, call())
      assert.deepEqual(Buffer.from(sealed), Buffer.from(ciphertext), "decrypt changed the ciphertext")
    },
  },
  {
    name: "keeps no buffer of the caller: what is filled with zeros after a call still opens as it was",
    async run({ instance, call }) {
      const key = instance.defaultKey
      const given = Uint8Array.from(plaintext)
      const { ciphertext, keyVersion } = await instance.encrypt({ key, plaintext: given, context }, call())
      given.fill(0)
      const copy = Uint8Array.from(ciphertext)
      const opened = await instance.decrypt({ key, ciphertext: copy, keyVersion, context }, call())
      copy.fill(0)
      assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(plaintext))
    },
  },
  {
    name: "shares no memory between two answers",
    async run({ instance, call }) {
      const key = instance.defaultKey
      const first = await instance.encrypt({ key, plaintext, context }, call())
      const kept = Uint8Array.from(first.ciphertext)
      const second = await instance.encrypt({ key, plaintext, context }, call())
      second.ciphertext.fill(0)
      assert.deepEqual(Buffer.from(first.ciphertext), Buffer.from(kept), "two ciphertexts share memory")
      const once = await instance.decrypt({ key, ...first, context }, call())
      const twice = await instance.decrypt({ key, ...first, context }, call())
      once.plaintext.fill(0)
      assert.deepEqual(Buffer.from(twice.plaintext), Buffer.from(plaintext), "two plaintexts share memory")
    },
  },
  {
    name: "refuses an empty plaintext and one of more than 4096 bytes with INVALID_REQUEST",
    async run({ instance, call }) {
      const key = instance.defaultKey
      for (const length of [0, longestPlaintextBytes + 1]) {
        const request = { key, plaintext: new Uint8Array(length), context }
        await expectRejection(instance.encrypt(request, call()), "INVALID_REQUEST")
      }
    },
  },
]
