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

/** Two attempts are made where AWS says that the session is gone. */
const attempts = 2

describe("what KMS answers", () => {
  it.each(Object.entries(kmsErrors))("%s", async (name, { code, message, nextStep }) => {
    const keystore = await open()
    aws.emulator.failNext("Encrypt", name, attempts)
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code, message, nextStep })
  })

  it("is INTERNAL to nobody: an unknown error is BAD_RESPONSE, with its name alone", async () => {
    const keystore = await open()
    aws.emulator.failNext("Encrypt", "SomethingNewException")
    const encrypted = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
    await expect(encrypted).rejects.toMatchObject({ code: "BAD_RESPONSE", cause: { name: "SomethingNewException" } })
  })
})

describe("what STS answers", () => {
  it.each(Object.entries(stsErrors))("%s", async (name, { code, message, nextStep }) => {
    const keystore = await open()
    aws.emulator.failNext("AssumeRole", name, attempts)
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code, message, nextStep })
  })
})
