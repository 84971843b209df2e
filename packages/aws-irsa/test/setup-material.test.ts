import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Aws, region } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

/** Applies the documents as an administrator does, and opens the keystore for a tenant. */
async function prepared(configuration: { readonly role_arn: string }, tenantId: string) {
  const plugin = await aws.plugin(testServices())
  const call = testCall({ tenantId })
  const [permissions, trust] = await plugin.setupMaterial(configuration, call)
  aws.emulator.iam.putRole(configuration.role_arn, trust?.text ?? "")
  aws.emulator.iam.putRolePolicy(configuration.role_arn, permissions?.text ?? "")
  return { plugin, keystore: await plugin.openKeystore(configuration, call) }
}

async function outcomes(steps: AsyncIterable<{ readonly name: string; readonly outcome: string }>) {
  const seen: string[] = []
  for await (const { name, outcome } of steps) seen.push(`${name} ${outcome}`)
  return seen
}

const allPassed = [
  ...["authentication passed", "clock passed", "key_access passed", "permissions passed"],
  ...["round_trip passed", "rotation passed"],
]

it("the set-up material grants enough for this tenant, and nothing for any other", async () => {
  const configuration = { kms_key_id: aws.emulator.createKey(region).arn, role_arn: aws.newRoleArn() }
  const { plugin, keystore } = await prepared(configuration, "acme")
  expect(await outcomes(keystore.testConnection(testCall({ tenantId: "acme" })))).toEqual(allPassed)
  const request = { key: keystore.defaultKey, plaintext: new Uint8Array(32) }
  const context = { tenantId: "mallory", keyId: "k", keyVersion: 1 }
  await expect(keystore.encrypt({ ...request, context }, testCall())).rejects.toMatchObject({ code: "DENIED" })
  await expect(keystore.disableKey(keystore.defaultKey, testCall())).rejects.toMatchObject({ code: "DENIED" })
  const other = { keyId: aws.emulator.createKey(region).arn }
  await expect(keystore.describeKey(other, testCall())).rejects.toMatchObject({ code: "DENIED" })
  await plugin.stop()
})

it("the set-up material works for a key that is named by its alias", async () => {
  const key = aws.emulator.createKey(region)
  aws.emulator.kms.aliases.set("alias/customer-master-key", key.id)
  const configuration = { region, kms_key_id: "alias/customer-master-key", role_arn: aws.newRoleArn() }
  const { plugin, keystore } = await prepared(configuration, "acme")
  expect(await outcomes(keystore.testConnection(testCall({ tenantId: "acme" })))).toEqual(allPassed)
  expect(await keystore.describeKey(keystore.defaultKey, testCall())).toMatchObject({ identity: key.arn })
  await plugin.stop()
})

it("the set-up material has repeatable commands, for the role's own name and path", async () => {
  const plugin = await aws.plugin(testServices())
  const role_arn = "arn:aws:iam::123456789012:role/apps/OpenKCM-KMS-Access"
  const configuration = { kms_key_id: aws.emulator.createKey(region).arn, role_arn, external_id: "given" }
  const documents = await plugin.setupMaterial(configuration, testCall())
  expect(documents.map(({ fileName }) => fileName)).toEqual([
    "openkcm-kms-policy.json",
    "openkcm-trust-policy.json",
    "openkcm-aws.sh",
  ])
  expect(documents[1]?.text).toContain('"sts:ExternalId": "given"')
  expect(documents[2]?.text).toContain("--role-name 'OpenKCM-KMS-Access' --path '/apps/'")
  await plugin.stop()
})
