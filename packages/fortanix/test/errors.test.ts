import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { dsmErrors } from "../src/errors.ts"
import { Dsm, type Place } from "./dsm.ts"

let dsm: Dsm
beforeAll(async () => {
  dsm = await Dsm.start()
})
afterAll(() => dsm.stop())

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const plaintext = new Uint8Array(32)

async function open(place: Place = dsm.place()) {
  const plugin = await dsm.plugin(testServices())
  onTestFinished(async () => {
    dsm.emulator.forgetFaults()
    await plugin.stop()
  })
  const keystore = await plugin.openKeystore(place.configuration, testCall())
  const encrypt = () => keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
  return { place, keystore, encrypt }
}

type Opened = Awaited<ReturnType<typeof open>>

/** The cause of each row: a change to DSM, and the call that runs into it. */
const causes: Readonly<Record<keyof typeof dsmErrors, (opened: Opened) => Promise<unknown>>> = {
  throttled: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/encrypt", status: 429, retryAfterSeconds: 7 })
    await encrypt()
  },
  locked: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/encrypt", status: 423 })
    await encrypt()
  },
  redirected: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/encrypt", status: 302 })
    await encrypt()
  },
  failed: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/encrypt", status: 503 })
    await encrypt()
  },
  notDsm: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/session/auth", status: 204 })
    await encrypt()
  },
  loginRejected: async ({ place, encrypt }) => {
    place.app.enabled = false
    await encrypt()
  },
  sessionRejected: async ({ encrypt }) => {
    dsm.emulator.failNext({ on: "/encrypt", status: 401, times: 2 })
    await encrypt()
  },
  denied: async ({ place, encrypt }) => {
    place.app.groups.set(place.group.id, ["DECRYPT"])
    await encrypt()
  },
  approvalForUse: async ({ place, encrypt }) => {
    place.group.approvals = "for changes and each use"
    await encrypt()
  },
  approvalDenied: async ({ place, keystore }) => {
    place.group.approvals = "for changes"
    const rotate = () => keystore.rotateKey(keystore.defaultKey, testCall())
    await expect(rotate()).rejects.toMatchObject({ code: "APPROVAL_PENDING" })
    for (const id of dsm.emulator.account.approvals.keys()) dsm.emulator.deny(id)
    await rotate()
  },
  groupMissing: async ({ place, encrypt }) => {
    place.app.groups.clear()
    await encrypt()
  },
  keyMissing: async ({ place, encrypt }) => {
    place.key.name = "another name"
    await encrypt()
  },
  keyDestroyed: async ({ place, encrypt }) => {
    await encrypt()
    place.key.state = "Destroyed"
    await encrypt()
  },
  keyDisabled: async ({ place, encrypt }) => {
    place.key.enabled = false
    await encrypt()
  },
  keyPreActive: async ({ place, encrypt }) => {
    place.key.state = "PreActive"
    await encrypt()
  },
  keyDeactivated: async ({ place, encrypt }) => {
    place.key.state = "Deactivated"
    await encrypt()
  },
  keyCompromised: async ({ place, encrypt }) => {
    place.key.state = "Compromised"
    await encrypt()
  },
  wrongType: async ({ place, keystore }) => {
    const short = dsm.emulator.createKey(place.group.id, { name: `short-${place.key.kid}`, keySize: 128 })
    await keystore.encrypt({ key: { keyId: short.name ?? "" }, plaintext, context }, testCall())
  },
  exportable: async ({ place, encrypt }) => {
    place.key.keyOps = [...place.key.keyOps, "EXPORT"]
    await encrypt()
  },
  exportPermission: async ({ place, encrypt }) => {
    place.app.groups.set(place.group.id, ["ENCRYPT", "DECRYPT", "EXPORT"])
    await encrypt()
  },
  operationsMissing: async ({ place, encrypt }) => {
    place.key.keyOps = ["DECRYPT"]
    await encrypt()
  },
  modeRefused: async ({ place, encrypt }) => {
    place.group.aesModes = ["KWP"]
    await encrypt()
  },
  ciphertextRefused: async ({ keystore, encrypt }) => {
    const sealed = await encrypt()
    sealed.ciphertext.fill(0, -1)
    sealed.ciphertext.fill(1, -2, -1)
    await keystore.decrypt({ key: keystore.defaultKey, ...sealed, context }, testCall())
  },
  mismatch: async ({ place, keystore }) => {
    await keystore.probe(testCall())
    place.key.material.fill(9)
    dsm.emulator.failNext({ on: "/decrypt", status: 200, text: JSON.stringify({ kid: place.key.kid, plain: "AAAA" }) })
    await keystore.probe(testCall())
  },
}

describe("an answer of DSM", () => {
  it.each(Object.entries(dsmErrors))("%s", async (name, { code, message, nextStep }) => {
    const opened = await open()
    const failing = causes[name as keyof typeof dsmErrors](opened)
    await expect(failing).rejects.toMatchObject({ code, message, nextStep })
  })

  it.each([400, 403, 404])("is KEY_DISABLED for a disabled key, whatever the status: %i", async (status) => {
    const { place, keystore, encrypt } = await open()
    const sealed = await encrypt()
    place.key.enabled = false
    for (const act of ["/encrypt", "/decrypt"]) dsm.emulator.failNext({ on: act, status })
    await expect(encrypt()).rejects.toMatchObject({ code: "KEY_DISABLED" })
    const decrypted = keystore.decrypt({ key: keystore.defaultKey, ...sealed, context }, testCall())
    await expect(decrypted).rejects.toMatchObject({ code: "KEY_DISABLED" })
  })

  it("passes Retry-After on in the error", async () => {
    const { encrypt } = await open()
    dsm.emulator.failNext({ on: "/encrypt", status: 429, retryAfterSeconds: 7 })
    await expect(encrypt()).rejects.toMatchObject({ code: "THROTTLED", retryAfterMs: 7_000, retryable: true })
  })

  it.each([402, 409, 418])("is BAD_RESPONSE where the status has no meaning: %i", async (status) => {
    const { encrypt } = await open()
    dsm.emulator.failNext({ on: "/encrypt", status })
    await expect(encrypt()).rejects.toMatchObject({ code: "BAD_RESPONSE" })
  })
})
