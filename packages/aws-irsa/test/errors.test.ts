import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { kmsErrors, stsErrors } from "../src/errors.ts"
import { Aws, region } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }

async function open() {
  const plugin = await aws.plugin(testServices())
  onTestFinished(async () => {
    aws.emulator.forgetFailures()
    await plugin.stop()
  })
  const role_arn = aws.createRole("external-id")
  const configuration = { kms_key_id: aws.emulator.createKey(region).arn, role_arn, external_id: "external-id" }
  return plugin.openKeystore(configuration, testCall())
}

/** The plugin makes two attempts when AWS no longer accepts the session. */
const attempts = 2

describe("an error of KMS", () => {
  it.each(Object.entries(kmsErrors))("%s", async (name, { code, message, nextStep }) => {
    const keystore = await open()
    aws.emulator.failNext("Encrypt", name, attempts)
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code, message, nextStep })
  })

  it("that is unknown becomes BAD_RESPONSE, never INTERNAL, with nothing but its name", async () => {
    const keystore = await open()
    aws.emulator.failNext("Encrypt", "SomethingNewException")
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code: "BAD_RESPONSE", cause: { name: "SomethingNewException" } })
  })
})

describe("an error of STS", () => {
  it.each(Object.entries(stsErrors))("%s", async (name, { code, message, nextStep }) => {
    const keystore = await open()
    aws.emulator.failNext("AssumeRole", name, attempts)
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code, message, nextStep })
  })
})
