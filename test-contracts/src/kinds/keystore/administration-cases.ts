import assert from "node:assert/strict"
import { expectRejection, expectRejectionOf } from "../../cases/expectations.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"
import type { KeystoreBackend } from "./options.ts"
import { expectRecovery } from "./recovery.ts"

type Route = Exclude<keyof KeystoreBackend, "keyExists" | "createKey" | "unusedKeyId" | "decrypt">

/** Changes that the keystore's own administrator makes to keys past the plugin, and how the plugin reports them. */
export const administrationCases: readonly KeystoreCase[] = [
  byRoutes("says KEY_DISABLED when the administrator has disabled the key", ["disableKey"], async (opened) => {
    const { instance, backend, call } = opened
    const key = instance.defaultKey
    const sealed = await instance.encrypt({ key, plaintext, context }, call())
    await instance.describeKey(key, call())
    await backend.disableKey?.(key.keyId)
    assert.equal((await instance.describeKey(key, call())).state, "DISABLED", "describeKey must not answer from memory")
    await expectRejection(instance.encrypt({ key, plaintext, context }, call()), "KEY_DISABLED")
    await expectRejection(instance.decrypt({ key, ...sealed, context }, call()), "KEY_DISABLED")
    await expectRejection(instance.probe(call()), "KEY_DISABLED")
    if (backend.enableKey === undefined) return
    await backend.enableKey(key.keyId)
    await expectStillWorks(opened)
  }),
  byRoutes("says that the key is gone when the administrator has deleted it", ["deleteKey"], async (opened) => {
    const { instance, backend, call } = opened
    const key = instance.defaultKey
    const sealed = await instance.encrypt({ key, plaintext, context }, call())
    await instance.describeKey(key, call())
    await backend.deleteKey?.(key.keyId)
    await expectDescribedAsGone(opened)
    const gone = ["KEY_NOT_FOUND", "KEY_PENDING_DELETION"] as const
    await expectRejectionOf(instance.encrypt({ key, plaintext, context }, call()), gone)
    await expectRejectionOf(instance.decrypt({ key, ...sealed, context }, call()), gone)
  }),
  {
    name: "says KEY_UNSUITABLE at a probe when the administrator has made the key exportable",
    async run({ instance, backend, call }) {
      if (backend.makeExportable === undefined) return
      const key = instance.defaultKey
      await instance.probe(call())
      await backend.makeExportable(key.keyId)
      await expectRejection(instance.probe(call()), "KEY_UNSUITABLE")
      const { exportable } = await instance.describeKey(key, call())
      assert.equal(exportable, true, "describeKey must not answer from memory")
    },
  },
]

/** Accepts a key that can still be described, since some keystores delete after a waiting time. */
async function expectDescribedAsGone({ instance, call }: KeystoreCaseContext): Promise<void> {
  const described = instance.describeKey(instance.defaultKey, call())
  const state = await described.then(
    (found) => found.state,
    () => undefined,
  )
  if (state === undefined) await expectRejection(described, "KEY_NOT_FOUND")
  else assert.equal(state, "PENDING_DELETION", "describeKey must not answer from memory")
}

/** Changes that the administrator makes to credentials and to the server; only where there is a server. */
export const serverAdministrationCases: readonly KeystoreCase[] = [
  byRoutes(
    "says DENIED when the administrator has taken its rights, and nothing else",
    ["denyCredential"],
    async (opened) => {
      const { instance, backend, call } = opened
      const key = instance.defaultKey
      const sealed = await instance.encrypt({ key, plaintext, context }, call())
      await backend.denyCredential?.()
      await expectRejection(instance.encrypt({ key, plaintext, context }, call()), "DENIED")
      await expectRejection(instance.decrypt({ key, ...sealed, context }, call()), "DENIED")
    },
  ),
  byRoutes(
    "says CREDENTIAL_REJECTED when the administrator has revoked its credential",
    ["revokeCredential"],
    async (opened) => {
      const { instance, backend, call } = opened
      const key = instance.defaultKey
      await expectStillWorks(opened)
      await backend.revokeCredential?.()
      await expectRejection(instance.encrypt({ key, plaintext, context }, call()), "CREDENTIAL_REJECTED")
    },
  ),
  byRoutes(
    "says UNREACHABLE while the keystore is stopped, and works again by itself",
    ["stop", "start"],
    async (opened) => {
      const { instance, backend, call } = opened
      await expectStillWorks(opened)
      await backend.stop?.()
      try {
        await expectRejection(instance.encrypt({ key: instance.defaultKey, plaintext, context }, call()), "UNREACHABLE")
      } finally {
        await backend.start?.()
      }
      await expectRecovery(opened)
    },
  ),
]

function byRoutes(
  name: string,
  routes: readonly Route[],
  run: (opened: KeystoreCaseContext) => Promise<void>,
): KeystoreCase {
  return {
    name,
    async run(opened) {
      const missing = routes.filter((route) => opened.backend[route] === undefined)
      assert.notEqual(routes.length, 0)
      if (missing.length === 0) return run(opened)
      opened.notProven(missing.map((route) => `backend.${route}`).join(", "))
    },
  }
}
