import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Aws, everything, platformRole, policy, region, subject } from "./aws.ts"

const callers = 8
const enough = 3 * callers
const hangMs = 20_000

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

/** Callers that probe one keystore without a pause, and a way to wait for their outcomes. */
async function load() {
  const plugin = await aws.plugin(testServices())
  const role = aws.createRole("external-id")
  const key = aws.emulator.createKey(region)
  const configuration = { kms_key_id: key.arn, role_arn: role, external_id: "external-id" }
  const keystore = await plugin.openKeystore(configuration, testCall())
  const seen: string[] = []
  let goesOn = true
  const caller = async () => {
    while (goesOn) {
      seen.push(
        await keystore.probe(testCall()).then(
          () => "ok",
          (error: unknown) => (isPluginError(error) ? error.code : String(error)),
        ),
      )
    }
  }
  const running = Array.from({ length: callers }, caller)
  return {
    role,
    key,
    /** Resolves when the outcome has occurred often enough in a row; returns the outcomes before it. */
    async until(outcome: string): Promise<readonly string[]> {
      const from = seen.length
      const isReached = () => seen.length >= from + enough && seen.slice(-enough).every((each) => each === outcome)
      await expect.poll(isReached, { timeout: hangMs, interval: 5 }).toBe(true)
      return seen.slice(from, -enough).filter((each) => each !== outcome)
    },
    async stop() {
      goesOn = false
      await Promise.all(running)
      await plugin.stop()
    },
  }
}

it("each change under load shows its own code, and needs no restart", async () => {
  const { role, key, until, stop } = await load()
  expect(await until("ok")).toEqual([])

  // The token is replaced and every session ends: no caller notices.
  await aws.writeToken(aws.issuer.issue({ subject }))
  aws.emulator.iam.revokeSessions(role)
  aws.emulator.iam.revokeSessions(platformRole)
  expect(await until("ok")).toEqual([])

  aws.emulator.iam.putRolePolicy(role, policy())
  expect(new Set(await until("DENIED"))).toEqual(new Set(["ok"]))
  aws.emulator.iam.putRolePolicy(role, everything)
  await until("ok")

  key.state = "Disabled"
  await until("KEY_DISABLED")
  key.state = "Enabled"
  await until("ok")

  // The SDK learns the difference of the clocks from AWS's answers.
  for (const offsetMs of [600_000, 0]) {
    aws.emulator.clockOffsetMs = offsetMs
    expect(["", "CREDENTIAL_REJECTED"]).toContain([...new Set(await until("ok"))].join())
  }

  await stop()
})
