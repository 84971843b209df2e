import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { Aws, account, everything, policy, region } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

interface Situation {
  readonly permissions?: string
  readonly key?: Parameters<Aws["emulator"]["createKey"]>[1]
  readonly arn?: string
  readonly prepare?: (keyArn: string) => void
}

/** Runs the steps in a situation. */
async function stepsOf({ permissions = everything, key: wish = {}, arn, prepare }: Situation) {
  const plugin = await aws.plugin(testServices())
  onTestFinished(() => plugin.stop())
  const key = aws.emulator.createKey(region, wish)
  const configuration = {
    kms_key_id: arn ?? key.arn,
    role_arn: aws.createRole("external-id", permissions),
    external_id: "external-id",
  }
  prepare?.(key.arn)
  const keystore = await plugin.openKeystore(configuration, testCall())
  const steps: ConnectionStep[] = []
  for await (const step of keystore.testConnection(testCall())) steps.push(step)
  return steps
}

const allow = (...actions: readonly string[]) => policy({ Effect: "Allow", Action: actions, Resource: "*" })
const see = ["kms:DescribeKey", "kms:GetKeyRotationStatus"]

const stateOf = (state: "Disabled" | "PendingDeletion") => (keyArn: string) => {
  const key = aws.emulator.kms.key(keyArn)
  if (key !== undefined) key.state = state
}

describe("a connection test", () => {
  it("reports its findings as facts", async () => {
    const steps = await stepsOf({})
    expect(Object.assign({}, ...steps.map(({ facts }) => facts))).toEqual({
      ...{ iam_role: "assumed", key_region: region, key_manager: "CUSTOMER", key_origin: "AWS_KMS" },
      ...{ encryption_context: "enforced", key_rotation: "on demand" },
    })
  })

  it.each<[string, Situation, string, string, string]>([
    ["kms:DescribeKey is missing", { permissions: allow("kms:Encrypt") }, "key_access", "DENIED", "kms:DescribeKey"],
    ["kms:Encrypt is missing", { permissions: allow(...see, "kms:Decrypt") }, "permissions", "DENIED", "kms:Encrypt"],
    ["kms:Decrypt is missing", { permissions: allow(...see, "kms:Encrypt") }, "round_trip", "DENIED", "kms:Decrypt"],
    ["the key is disabled", { prepare: stateOf("Disabled") }, "key_access", "KEY_DISABLED", "DISABLED"],
    [
      "the key is scheduled for deletion",
      { prepare: stateOf("PendingDeletion") },
      "key_access",
      "KEY_PENDING_DELETION",
      "PENDING_DELETION",
    ],
    ["the key awaits its material", { key: { origin: "EXTERNAL" } }, "key_access", "KEY_UNSUITABLE", "PENDING_IMPORT"],
    [
      "the key signs",
      { key: { usage: "SIGN_VERIFY", spec: "RSA_3072" } },
      "key_access",
      "KEY_UNSUITABLE",
      "SIGN_VERIFY and spec RSA_3072",
    ],
    [
      "the key does not exist",
      { arn: `arn:aws:kms:${region}:${account}:key/00000000-0000-0000-0000-000000000000` },
      "key_access",
      "KEY_NOT_FOUND",
      "region and account",
    ],
  ])("fails when %s, and says what to do", async (_what, situation, name, code, words) => {
    const steps = await stepsOf(situation)
    const failed = steps.find(({ outcome }) => outcome === "failed")
    expect(failed).toMatchObject({ name, code })
    expect(`${failed?.message} ${failed?.nextStep}`).toContain(words)
    const after = steps.slice(steps.findIndex(({ outcome }) => outcome === "failed") + 1)
    expect(after.every(({ outcome }) => outcome === "skipped")).toBe(true)
  })

  it("warns about facts that are allowed but worth knowing", async () => {
    const steps = await stepsOf({ key: { multiRegion: true } })
    expect(steps.find(({ name }) => name === "key_access")).toMatchObject({
      outcome: "warned",
      message: expect.stringContaining("multi-Region"),
    })
    const unread = await stepsOf({ permissions: allow("kms:DescribeKey", "kms:Encrypt", "kms:Decrypt") })
    expect(unread.at(-1)).toMatchObject({ name: "rotation", outcome: "warned", facts: { key_rotation: "unknown" } })
  })

  it("reports clocks that differ", async () => {
    onTestFinished(() => {
      aws.emulator.clockOffsetMs = 0
    })
    aws.emulator.clockOffsetMs = 120_000
    expect((await stepsOf({}))[1]).toMatchObject({
      name: "clock",
      outcome: "warned",
      nextStep: expect.stringContaining("NTP"),
    })
    aws.emulator.clockOffsetMs = -480_000
    expect((await stepsOf({}))[0]).toMatchObject({
      ...{ name: "authentication", outcome: "failed", code: "CREDENTIAL_REJECTED" },
      nextStep: expect.stringContaining("NTP"),
    })
  })
})
