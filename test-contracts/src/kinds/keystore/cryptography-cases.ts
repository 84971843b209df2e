import assert from "node:assert/strict"
import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { expectRejection } from "../../cases/expectations.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"

const plaintextLengths = [1, 31, 32, 64, 4096]

export const cryptographyCases: readonly KeystoreCase[] = [
  {
    name: "returns what it encrypted, from 1 to 4096 bytes",
    async run({ instance, call }) {
      const key = instance.defaultKey
      for (const length of plaintextLengths) {
        const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + length) % 256)
        const sealed = await instance.encrypt({ key, plaintext: bytes, context }, call())
        assert.notEqual(sealed.keyVersion, "")
        const opened = await instance.decrypt({ key, ...sealed, context }, call())
        assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(bytes))
      }
    },
  },
  {
    name: "uses the keystore's own key: its ciphertext opens by the second route, under its context only",
    async run({ instance, backend, call }) {
      const key = instance.defaultKey
      const { ciphertext } = await instance.encrypt({ key, plaintext, context }, call())
      assert.ok(!Buffer.from(ciphertext).includes(Buffer.from(plaintext)), "the ciphertext contains the plaintext")
      assert.deepEqual(Buffer.from(await backend.decrypt(key, ciphertext, context)), Buffer.from(plaintext))
      await assert.rejects(backend.decrypt(key, ciphertext, { ...context, keyVersion: 4 }))
    },
  },
  wrongContext("tenant", { ...context, tenantId: "other-tenant" }),
  wrongContext("L2 key", { ...context, keyId: "0197a2c4-other-l2" }),
  wrongContext("L2 version", { ...context, keyVersion: context.keyVersion + 1 }),
  {
    name: "does not take two contexts for the same when their parts run into each other",
    async run(opened) {
      const key = opened.instance.defaultKey
      const sealed = await opened.instance.encrypt(
        { key, plaintext, context: { tenantId: "ab", keyId: "c", keyVersion: 1 } },
        opened.call(),
      )
      const shifted = { tenantId: "a", keyId: "bc", keyVersion: 1 }
      await expectRejection(
        opened.instance.decrypt({ key, ...sealed, context: shifted }, opened.call()),
        "CIPHERTEXT_REJECTED",
      )
    },
  },
  {
    name: "refuses a ciphertext under another version of its key",
    async run({ instance, call }) {
      const key = instance.defaultKey
      const { ciphertext } = await instance.encrypt({ key, plaintext, context }, call())
      await expectRejection(
        instance.decrypt({ key, ciphertext, keyVersion: "4711", context }, call()),
        "CIPHERTEXT_REJECTED",
      )
    },
  },
  {
    name: "refuses a ciphertext with any single bit changed",
    async run(opened) {
      const sealed = await seal(opened)
      const length = sealed.ciphertext.length
      const positions = new Set([
        0,
        1,
        length - 1,
        ...Array.from({ length: 12 }, (_, n) => Math.floor((n * length) / 12)),
      ])
      for (const position of positions) {
        const altered = Uint8Array.from(sealed.ciphertext)
        altered[position] = (altered[position] ?? 0) ^ 1
        await expectRefusedCiphertext(opened, altered, sealed.keyVersion)
      }
      await expectStillWorks(opened)
    },
  },
  {
    name: "refuses a ciphertext that is cut short, extended or empty",
    async run(opened) {
      const { ciphertext, keyVersion } = await seal(opened)
      const half = Math.floor(ciphertext.length / 2)
      for (const length of [0, 1, half, ciphertext.length - 1]) {
        await expectRefusedCiphertext(opened, ciphertext.slice(0, length), keyVersion)
      }
      await expectRefusedCiphertext(opened, Uint8Array.from([...ciphertext, 0]), keyVersion)
      await expectRefusedCiphertext(opened, ciphertext.slice(1), keyVersion)
      await expectStillWorks(opened)
    },
  },
  {
    name: "refuses the ciphertext of another key",
    async run(opened) {
      const { ciphertext, keyVersion } = await seal(opened)
      const otherKey = await opened.backend.createKey()
      await expectRejection(
        opened.instance.decrypt({ key: otherKey, ciphertext, keyVersion, context }, opened.call()),
        "CIPHERTEXT_REJECTED",
      )
    },
  },
]

function wrongContext(part: string, other: EncryptionContext): KeystoreCase {
  return {
    name: `refuses a ciphertext under another ${part}`,
    async run(opened) {
      const sealed = await seal(opened)
      const key = opened.instance.defaultKey
      await expectRejection(
        opened.instance.decrypt({ key, ...sealed, context: other }, opened.call()),
        "CIPHERTEXT_REJECTED",
      )
      await expectStillWorks(opened)
    },
  }
}

async function seal({ instance, call }: KeystoreCaseContext) {
  const { ciphertext, keyVersion } = await instance.encrypt({ key: instance.defaultKey, plaintext, context }, call())
  return { ciphertext, keyVersion }
}

async function expectRefusedCiphertext(
  { instance, call }: KeystoreCaseContext,
  ciphertext: Uint8Array,
  keyVersion: string,
): Promise<void> {
  const request = { key: instance.defaultKey, ciphertext, keyVersion, context }
  await expectRejection(instance.decrypt(request, call()), "CIPHERTEXT_REJECTED")
}

/** A refused ciphertext says nothing about the keystore: the next good one opens. */
export async function expectStillWorks({ instance, call }: KeystoreCaseContext): Promise<void> {
  const key = instance.defaultKey
  const sealed = await instance.encrypt({ key, plaintext, context }, call())
  const opened = await instance.decrypt({ key, ...sealed, context }, call())
  assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(plaintext))
}
