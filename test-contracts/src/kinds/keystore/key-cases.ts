import assert from "node:assert/strict"
import type { KeystoreCapability } from "@apeiro-cmk/plugin-interface"
import { expectRejection, expectRejectionOf } from "../../cases/expectations.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"

import { importCases } from "./import-cases.ts"

const longestIdentity = 500

export const keyCases: readonly KeystoreCase[] = [
  {
    name: "describes its key, with an identity that stays the same",
    async run({ instance, call }) {
      const first = await instance.describeKey(instance.defaultKey, call())
      const second = await instance.describeKey(instance.defaultKey, call())
      assert.ok(first.identity.length > 0 && first.identity.length <= longestIdentity, "identity: 1 to 500 characters")
      assert.equal(second.identity, first.identity)
      assert.deepEqual(first.key, instance.defaultKey)
      assert.ok(first.state === "ENABLED" || first.state === "UNKNOWN", `a usable key is ${first.state}`)
      for (const warning of first.warnings) assert.notEqual(warning.trim(), "")
    },
  },
  {
    name: "gives two keys two identities",
    async run({ instance, backend, call }) {
      const other = await backend.createKey()
      const first = await instance.describeKey(instance.defaultKey, call())
      const second = await instance.describeKey(other, call())
      assert.notEqual(second.identity, first.identity)
    },
  },
  {
    name: "opens no earlier wrap once a name leads to another key, and states the identity of the other key",
    async run({ instance, backend, notProven, call }) {
      const movable = await backend.movableKey?.()
      if (movable === undefined) return notProven("backend.movableKey")
      const { key, move, isStated } = movable
      const sealed = await instance.encrypt({ key, plaintext, context }, call())
      const before = await instance.describeKey(key, call())
      await move()
      const opening = instance.decrypt({ key, ...sealed, context }, call())
      await expectRejectionOf(opening, ["CIPHERTEXT_REJECTED", "KEY_MISMATCH", "KEY_NOT_FOUND"])
      const after = await instance.describeKey(key, call())
      if (isStated) assert.notEqual(after.identity, before.identity)
      const again = await instance.encrypt({ key, plaintext, context }, call())
      const { plaintext: opened } = await instance.decrypt({ key, ...again, context }, call())
      assert.deepEqual(Buffer.from(opened), Buffer.from(plaintext))
    },
  },
  {
    name: "says KEY_NOT_FOUND about a key that the keystore does not have",
    async run(opened) {
      const { instance, backend, call } = opened
      const key = { keyId: backend.unusedKeyId() }
      const sealed = await instance.encrypt({ key: instance.defaultKey, plaintext, context }, call())
      await expectRejection(instance.describeKey(key, call()), "KEY_NOT_FOUND")
      await expectRejection(instance.decrypt({ key, ...sealed, context }, call()), "KEY_NOT_FOUND")
      await expectStillWorks(opened)
    },
  },
  {
    name: "never makes a key by encrypting with a name that the keystore does not have",
    async run({ instance, backend, call }) {
      const key = { keyId: backend.unusedKeyId() }
      await expectRejection(instance.encrypt({ key, plaintext, context }, call()), "KEY_NOT_FOUND")
      assert.equal(await backend.keyExists(key.keyId), false, "encrypt made a key")
    },
  },
]

/** Promises of each capability, checked through the second route. */
export const capabilityCases: Readonly<Record<KeystoreCapability, readonly KeystoreCase[]>> = {
  createKey: [
    {
      name: "creates a key that the keystore has and that works, once for one name",
      async run({ instance, backend, call }) {
        const request = { keyId: backend.unusedKeyId(), origin: "generate" } as const
        const created = await instance.createKey(request, call())
        assert.equal(created.state, "ENABLED")
        assert.equal(await backend.keyExists(created.key.keyId), true)
        const sealed = await instance.encrypt({ key: created.key, plaintext, context }, call())
        const again = await instance.createKey(request, call())
        assert.equal(again.identity, created.identity)
        const opened = await instance.decrypt({ key: created.key, ...sealed, context }, call())
        assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(plaintext))
      },
    },
    {
      name: "makes one key when several callers create it at the same time",
      async run({ instance, backend, call }) {
        const request = { keyId: backend.unusedKeyId(), origin: "generate" } as const
        const created = await Promise.all(Array.from({ length: 5 }, () => instance.createKey(request, call())))
        assert.equal(new Set(created.map(({ identity }) => identity)).size, 1)
        const [first] = await Promise.all(created.map(({ key }) => instance.describeKey(key, call())))
        if (first?.latestVersion !== "unknown") assert.equal(first?.latestVersion, created[0]?.latestVersion)
      },
    },
  ],
  disableKey: [
    {
      name: "disables a key: nothing is encrypted or decrypted with it",
      async run(opened) {
        const { instance, call } = opened
        const key = instance.defaultKey
        const sealed = await instance.encrypt({ key, plaintext, context }, call())
        await instance.disableKey(key, call())
        await instance.disableKey(key, call())
        assert.equal(await stateOf(opened, key.keyId), "DISABLED")
        const { state } = await instance.describeKey(key, call())
        assert.equal(state, "DISABLED")
        await expectRejection(instance.encrypt({ key, plaintext, context }, call()), "KEY_DISABLED")
        await expectRejection(instance.decrypt({ key, ...sealed, context }, call()), "KEY_DISABLED")
      },
    },
  ],
  enableKey: [
    {
      name: "leaves an enabled key enabled, and a disabled one works again",
      async run(opened) {
        const { instance, definition, call } = opened
        const key = instance.defaultKey
        if (definition.manifest.capabilities.includes("disableKey")) await instance.disableKey(key, call())
        await instance.enableKey(key, call())
        await instance.enableKey(key, call())
        assert.equal(await stateOf(opened, key.keyId), "ENABLED")
        await expectStillWorks(opened)
      },
    },
  ],
  rotateKey: [
    {
      name: "rotates a key: a new version encrypts, the old one still decrypts and is not taken for the new one",
      async run({ instance, call }) {
        const key = instance.defaultKey
        const old = await instance.encrypt({ key, plaintext, context }, call())
        const before = await instance.describeKey(key, call())
        const after = await instance.rotateKey(key, call())
        assert.equal(after.identity, before.identity, "a new version is the same key")
        const fresh = await instance.encrypt({ key, plaintext, context }, call())
        assert.notEqual(fresh.keyVersion, old.keyVersion)
        for (const sealed of [old, fresh]) {
          const opened = await instance.decrypt({ key, ...sealed, context }, call())
          assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(plaintext))
        }
        const exchanged = { key, ciphertext: old.ciphertext, keyVersion: fresh.keyVersion, context }
        await expectRejection(instance.decrypt(exchanged, call()), "CIPHERTEXT_REJECTED")
      },
    },
  ],
  listKeyVersions: [
    {
      name: "lists the versions of a key, oldest first, the one in use among them",
      async run({ instance, definition, call }) {
        const key = instance.defaultKey
        if (definition.manifest.capabilities.includes("rotateKey")) await instance.rotateKey(key, call())
        const { keyVersion } = await instance.encrypt({ key, plaintext, context }, call())
        const versions = await instance.listKeyVersions(key, call())
        const times = versions.map((version) => version.createdAtMs)
        assert.deepEqual(
          times,
          times.toSorted((left, right) => left - right),
        )
        assert.ok(versions.some((version) => version.versionId === keyVersion))
      },
    },
  ],
  deleteKey: [
    {
      name: "deletes a key at once or marks it for deletion; it no longer works",
      async run(opened) {
        const { instance, backend, call } = opened
        const { keyId } = await backend.createKey()
        await instance.deleteKey({ keyId }, call())
        const gone = !(await backend.keyExists(keyId))
        if (!gone) assert.equal(await stateOf(opened, keyId), "PENDING_DELETION")
        const code = gone ? "KEY_NOT_FOUND" : "KEY_PENDING_DELETION"
        await expectRejection(instance.encrypt({ key: { keyId }, plaintext, context }, call()), code)
        await expectStillWorks(opened)
      },
    },
  ],
  importKey: importCases,
}

/** Makes the case that a capability which the manifest does not declare is refused, not ignored. */
export function undeclaredCapabilityCase(capability: KeystoreCapability): KeystoreCase {
  return {
    name: `rejects ${capability} with UNSUPPORTED`,
    async run(opened) {
      for (const attempt of attempts(capability, opened)) await expectRejection(attempt(), "UNSUPPORTED")
      await expectStillWorks(opened)
    },
  }
}

function attempts(capability: KeystoreCapability, opened: KeystoreCaseContext): readonly (() => Promise<unknown>)[] {
  const { instance, backend, call } = opened
  const key = instance.defaultKey
  const byCapability: Record<KeystoreCapability, readonly (() => Promise<unknown>)[]> = {
    listKeyVersions: [() => instance.listKeyVersions(key, call())],
    createKey: [() => instance.createKey({ keyId: backend.unusedKeyId(), origin: "generate" }, call())],
    enableKey: [() => instance.enableKey(key, call())],
    disableKey: [() => instance.disableKey(key, call())],
    rotateKey: [() => instance.rotateKey(key, call())],
    deleteKey: [() => instance.deleteKey(key, call())],
    importKey: [
      () => instance.getImportParameters(key, call()),
      () => instance.importKeyMaterial({ key, encryptedKeyMaterial: plaintext, providerParams: "" }, call()),
    ],
  }
  return byCapability[capability]
}

async function stateOf({ backend }: KeystoreCaseContext, keyId: string) {
  assert.ok(backend.keyState !== undefined, "`open` must return `backend.keyState` for this capability")
  return backend.keyState(keyId)
}
