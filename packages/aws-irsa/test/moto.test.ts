import { randomUUID } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { KeystorePluginV1, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTokenIssuer, type MotoServer, motoAvailable, startMoto } from "@apeiro-cmk/test-backends"
import { CreateAliasCommand, KMSClient, UpdateAliasCommand } from "@aws-sdk/client-kms"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"
import { platformRole, region, subject } from "./aws.ts"

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }

/** Covers what moto does like AWS. Its key states are wrong, and it has no DryRun, no import and no token trust. */
describe.skipIf(!(await motoAvailable()))("aws-irsa on moto, an independent emulator of AWS", () => {
  let moto: MotoServer
  let folder: string
  let started: KeystorePluginV1

  beforeAll(async () => {
    moto = await startMoto()
    folder = await mkdtemp(join(tmpdir(), "moto-"))
    const tokenFile = join(folder, "token")
    await writeFile(tokenFile, createTokenIssuer().issue({ subject }))
    const { address } = moto
    const pluginConfiguration = {
      allowedEndpoints: [address],
      allowedAddresses: ["127.0.0.1/32"],
      webIdentity: { tokenFile, roleArn: platformRole, region },
      endpoints: { kms: address, sts: address },
    }
    started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
  })
  afterAll(async () => {
    await started?.stop()
    await moto?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** A placeholder: the plugin creates the first key. */
  async function keyOfItsOwn() {
    const place = { region, kms_key_id: "alias/none", role_arn: "arn:aws:iam::123456789012:role/tenant" }
    const keystore = await started.openKeystore(place, testCall())
    const { key } = await keystore.createKey({ keyId: randomUUID(), origin: "generate" }, testCall())
    return started.openKeystore({ ...place, kms_key_id: key.keyId }, testCall())
  }

  it("opens its own wraps, only under their own context and key", async () => {
    const keystore = await keyOfItsOwn()
    const plaintext = new Uint8Array(32).fill(7)
    const sealed = await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
    const open = (more: object) =>
      keystore.decrypt({ key: keystore.defaultKey, ...sealed, context, ...more }, testCall())
    expect((await open({})).plaintext).toEqual(plaintext)
    await expect(open({ context: { ...context, tenantId: "mallory" } })).rejects.toMatchObject({
      code: "CIPHERTEXT_REJECTED",
    })
    const altered = Uint8Array.from(sealed.ciphertext, (byte, index) =>
      index === sealed.ciphertext.length - 1 ? byte ^ 1 : byte,
    )
    await expect(open({ ciphertext: altered })).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    await expect(open({ keyVersion: "2" })).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
  })

  it("describes a key, finds it by the id that its creator gave it, and creates it once", async () => {
    const keystore = await keyOfItsOwn()
    const keyId = randomUUID()
    const made = await keystore.createKey({ keyId, origin: "generate" }, testCall())
    expect(await keystore.createKey({ keyId, origin: "generate" }, testCall())).toMatchObject({
      identity: made.identity,
    })
    expect(await keystore.describeKey({ keyId }, testCall())).toMatchObject({
      ...{ identity: made.identity, state: "ENABLED", algorithm: "SYMMETRIC_DEFAULT" },
    })
  })

  it("opens no wrap by an alias that was moved to another key, and states the identity of the other key", async () => {
    const keystore = await keyOfItsOwn()
    const other = await keyOfItsOwn()
    const credentials = { accessKeyId: "administrator", secretAccessKey: "administrator" }
    const administrator = new KMSClient({ endpoint: moto.address, region, credentials })
    const AliasName = `alias/${randomUUID()}`
    const idOf = ({ defaultKey: { keyId } }: KeystoreV1) => keyId.split("/").at(-1) ?? ""
    await administrator.send(new CreateAliasCommand({ AliasName, TargetKeyId: idOf(keystore) }))
    const key = { keyId: AliasName }
    const before = await keystore.describeKey(key, testCall())
    const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
    await administrator.send(new UpdateAliasCommand({ AliasName, TargetKeyId: idOf(other) }))
    administrator.destroy()
    expect((await keystore.describeKey(key, testCall())).identity).not.toBe(before.identity)
    // AWS answers IncorrectKeyException; moto says that the role may not use the key.
    const opening = keystore.decrypt({ key, ...sealed, context }, testCall())
    await expect(opening).rejects.toMatchObject({ code: "DENIED" })
  })

  it("throws KEY_NOT_FOUND for a missing key", async () => {
    const keystore = await keyOfItsOwn()
    const key = { keyId: randomUUID() }
    await expect(keystore.describeKey(key, testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    const encrypted = keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
  })

  it("disables, enables and schedules deletion, as moto's own state confirms", async () => {
    const keystore = await keyOfItsOwn()
    // Unlike AWS, moto accepts only bare key ids here.
    const key = { keyId: keystore.defaultKey.keyId.split("/").at(-1) ?? "" }
    await keystore.disableKey(key, testCall())
    expect(await keystore.describeKey(key, testCall())).toMatchObject({ state: "DISABLED" })
    await keystore.enableKey(key, testCall())
    expect(await keystore.describeKey(key, testCall())).toMatchObject({ state: "ENABLED" })
    await keystore.deleteKey(key, testCall())
    expect(await keystore.describeKey(key, testCall())).toMatchObject({ state: "PENDING_DELETION" })
  })
})
