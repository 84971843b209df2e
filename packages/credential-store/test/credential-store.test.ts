import { createSecretKey, randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { fakeClock, findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type CredentialReference, createCredentialStore, maximumSecretLength } from "../src/index.ts"
import { inMemoryCredentials, random } from "./in-memory-credentials.ts"

const reference: CredentialReference = { tenantId: "acme", keystoreId: "bao", name: "secret_id", version: 1 }
const secret = Buffer.from("canary-c1f0a2-of-the-secret")
const signal = new AbortController().signal
const unreadable = expect.objectContaining({ code: "CREDENTIAL_UNREADABLE", origin: "host" })

function openStore(rootKey = { key: createSecretKey(randomBytes(32)) }) {
  const credentials = inMemoryCredentials()
  const store = createCredentialStore({ rootKey, credentials: credentials.repository, random, clock: fakeClock() })
  return { store, credentials, rootKey }
}

describe("credential store", () => {
  it("returns any secret that it sealed", async () => {
    const { store, credentials } = openStore()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), async (bytes) => {
        credentials.put(store.seal(reference, bytes))
        expect(Buffer.from(await store.read(reference))).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 50 },
    )
  })

  it("stores nothing of the secret in plain, and never seals a secret the same way twice", () => {
    const { store } = openStore()
    const [first, second] = [store.seal(reference, secret), store.seal(reference, secret)]
    expect(Buffer.from(first.sealed).includes(secret)).toBe(false)
    expect(findCanary(JSON.stringify(first), [secret])).toBeUndefined()
    expect(findCanary(Buffer.from(first.sealed).toString("latin1"), [secret])).toBeUndefined()
    expect(first.sealed).not.toEqual(second.sealed)
  })

  it("leaves the caller's secret unchanged, and fills the credential's key with zeros", () => {
    const drawn: Buffer[] = []
    const keeping = {
      bytes(length: number) {
        const bytes = randomBytes(length)
        drawn.push(bytes)
        return bytes
      },
    }
    const store = createCredentialStore({
      rootKey: { key: createSecretKey(randomBytes(32)) },
      credentials: inMemoryCredentials().repository,
      random: keeping,
      clock: fakeClock(),
    })
    store.seal(reference, secret)
    expect(secret.toString()).toBe("canary-c1f0a2-of-the-secret")
    expect(drawn[0]?.every((byte) => byte === 0)).toBe(true)
  })

  it("refuses a record that was swapped with another", async () => {
    const { store, credentials } = openStore()
    const others: readonly CredentialReference[] = [
      { ...reference, tenantId: "globex" },
      { ...reference, keystoreId: "other" },
      { ...reference, name: "token" },
      { ...reference, version: 2 },
      // The same letters, split at another place.
      { ...reference, tenantId: "acm", keystoreId: "ebao" },
    ]
    for (const other of others) {
      const { sealed } = store.seal(other, secret)
      // A thief changes the names along with the bytes.
      credentials.put({ ...reference, sealed, createdAtMs: 0 })
      await expect(store.read(reference)).rejects.toEqual(unreadable)
      credentials.put(store.seal(other, secret), reference)
      await expect(store.read(reference)).rejects.toEqual(unreadable)
    }
  })

  it("refuses a record with any byte altered, truncated or extended", async () => {
    const { store, credentials } = openStore()
    const credential = store.seal(reference, secret)
    const refuse = async (sealed: Uint8Array) => {
      credentials.put({ ...credential, sealed })
      await expect(store.read(reference)).rejects.toEqual(unreadable)
    }
    for (let index = 0; index < credential.sealed.length; index += 1) {
      const altered = Buffer.from(credential.sealed)
      altered.writeUInt8(altered.readUInt8(index) ^ (1 << (index % 8)), index)
      await refuse(altered)
      await refuse(credential.sealed.subarray(0, index))
    }
    await refuse(Buffer.concat([credential.sealed, Buffer.alloc(1)]))
  })

  it("refuses a record whose halves come from two records of the same credential", async () => {
    const { store, credentials } = openStore()
    const [first, second] = [store.seal(reference, secret), store.seal(reference, secret)]
    const mixed = Buffer.concat([first.sealed.subarray(0, 121), second.sealed.subarray(121)])
    credentials.put({ ...first, sealed: mixed })
    await expect(store.read(reference)).rejects.toEqual(unreadable)
  })

  it("refuses a record under another root key", async () => {
    const { store } = openStore()
    const other = openStore()
    other.credentials.put(store.seal(reference, secret))
    await expect(other.store.read(reference)).rejects.toEqual(unreadable)
  })

  it("reports a missing credential, and a missing version", async () => {
    const { store, credentials } = openStore()
    credentials.put(store.seal(reference, secret))
    await expect(store.read({ ...reference, version: 2 })).rejects.toMatchObject({ code: "CREDENTIAL_NOT_FOUND" })
  })

  it("never puts the secret into an error", async () => {
    const { store, credentials } = openStore()
    const credential = store.seal(reference, secret)
    credentials.put({ ...credential, sealed: Buffer.concat([credential.sealed, secret]) })
    const error: unknown = await store.read(reference).catch((thrown: unknown) => thrown)
    expect(findCanary(inspect(error, { depth: 10, showHidden: true }), [secret])).toBeUndefined()
    const tooLong = Buffer.alloc(maximumSecretLength + 1, secret)
    for (const [bytes, at] of [
      [tooLong, reference],
      [Buffer.alloc(0), reference],
      [secret, { ...reference, version: 0 }],
      [secret, { ...reference, name: "n".repeat(1000) }],
    ] as const) {
      let thrown: unknown
      try {
        store.seal(at, bytes)
      } catch (refusal) {
        thrown = refusal
      }
      expect(thrown).toBeInstanceOf(RangeError)
      expect(findCanary(inspect(thrown), [secret])).toBeUndefined()
    }
  })

  it("makes a handle that shows the version and reads the secret again each time", async () => {
    const { store, credentials } = openStore()
    credentials.put(store.seal(reference, secret))
    const handle = store.handle(reference)
    expect(handle.version).toBe("1")
    expect(findCanary(JSON.stringify(handle) + inspect(handle, { showHidden: true }), [secret])).toBeUndefined()
    const first = await handle.read(signal)
    expect(Buffer.from(first)).toEqual(secret)
    first.fill(0)
    expect(Buffer.from(await handle.read(signal))).toEqual(secret)
    const reason = new Error("given up")
    await expect(handle.read(AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})
