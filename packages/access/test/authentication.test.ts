import type { TokenRecord } from "@apeiro-cmk/persistence"
import { systemRandom } from "@apeiro-cmk/plugin-sdk/services"
import { fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { authenticate, newTenantToken, TokenLookup } from "../src/index.ts"

function setUp() {
  const clock = fakeClock()
  const tools = { clock, random: systemRandom }
  const expiresAtMs = clock.nowMs() + 1000
  const administrator = newTenantToken({ tenantId: "none", role: "reader", expiresAtMs }, tools)
  const made = newTenantToken({ tenantId: "acme", role: "workload", expiresAtMs }, tools)
  const records: TokenRecord[] = [made.record]
  const tokensByHash = async (hashes: readonly Uint8Array[]) =>
    records.filter(({ hash }) => hashes.some((other) => Buffer.compare(hash, other) === 0))
  const services = {
    tokens: new TokenLookup({ tokensByHash }),
    administratorTokenHash: administrator.record.hash,
    clock,
  }
  const callerOf = (authorization: string | undefined) => authenticate({ authorization }, services)
  return { clock, records, administrator, made, callerOf }
}

describe("authentication", () => {
  it("recognises the platform's administrator and a tenant's token", async () => {
    const { administrator, made, callerOf } = setUp()
    expect(await callerOf(`Bearer ${administrator.secret}`)).toEqual({ type: "administrator" })
    expect(await callerOf(`bearer  ${made.secret} `)).toEqual({
      type: "token",
      tokenId: made.record.tokenId,
      tenantId: "acme",
      role: "workload",
    })
  })

  it("takes missing, malformed, foreign and unknown evidence for an anonymous caller", async () => {
    const { callerOf } = setUp()
    const unknown = `acmk_${Buffer.alloc(32, 7).toString("base64url")}`
    for (const authorization of [undefined, "", "Bearer", "Bearer x", "Basic eA==", `Bearer ${unknown}`]) {
      expect(await callerOf(authorization)).toEqual({ type: "anonymous" })
    }
  })

  it("takes an expired and a revoked token for an anonymous caller", async () => {
    const { clock, records, made, callerOf } = setUp()
    records[0] = { ...made.record, expiresAtMs: clock.nowMs() }
    expect(await callerOf(`Bearer ${made.secret}`)).toEqual({ type: "anonymous" })
    records[0] = { ...made.record, revokedAtMs: clock.nowMs() }
    expect(await callerOf(`Bearer ${made.secret}`)).toEqual({ type: "anonymous" })
  })
})
