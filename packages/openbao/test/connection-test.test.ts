import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"
import { careless, mount, narrowPolicy, OpenBao, stepsOf, storyPolicy } from "./open-bao.ts"

const available = await openBaoAvailable()
const stepNames = [
  "authentication",
  "active_node",
  "key_access",
  "policy_enforcement",
  "token_renewal",
  "round_trip",
  "audit_test",
]

const outcomes = (steps: ReadonlyMap<string, ConnectionStep>) =>
  Object.fromEntries([...steps.values()].map(({ name, outcome }) => [name, outcome]))
const facts = (steps: ReadonlyMap<string, ConnectionStep>) =>
  Object.assign({}, ...[...steps.values()].map((step) => step.facts ?? {}))

describe.skipIf(!available)("openbao: connection test", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  it("passes every step under the policy of the set-up material, and reports the story's facts", async () => {
    const steps = await stepsOf((await bao.open()).keystore)
    expect([...steps.keys()]).toEqual(stepNames)
    const { audit_test: audit, ...others } = outcomes(steps)
    expect(new Set(Object.values(others))).toEqual(new Set(["passed"]))
    expect(audit).toBe("skipped")
    expect(facts(steps)).toEqual({
      auth_status: "authenticated",
      transit_engine: "enabled",
      policies_applied: "verified",
      vault_version: "compatible",
      auto_rotate_period: "off",
      audit_request_ids: [expect.any(String), expect.any(String)],
    })
    expect(Object.keys(plugin.manifest.activationFacts).toSorted()).toEqual(Object.keys(facts(steps)).toSorted())
  })

  it("works with the story's own policy, and warns about unknown facts and its useless path", async () => {
    const key = await bao.createKey()
    const steps = await stepsOf((await bao.open({ key, policy: storyPolicy(key) })).keystore)
    expect(outcomes(steps)).toEqual({
      authentication: "passed",
      active_node: "passed",
      key_access: "warned",
      policy_enforcement: "warned",
      token_renewal: "passed",
      round_trip: "passed",
      audit_test: "skipped",
    })
    expect(steps.get("key_access")?.nextStep).toContain(`"read" on ${mount}/keys/${key}`)
    expect(steps.get("policy_enforcement")?.message).toContain(`${mount}/data/${key}`)
    expect(facts(steps)).toMatchObject({ policies_applied: "verified", transit_engine: "enabled" })
  })

  it("reports an unverified policy when the token may not list its capabilities, as without the default policy", async () => {
    const key = await bao.createKey()
    await bao.admin.writePolicy("bare", storyPolicy(key))
    const steps = await stepsOf((await bao.openWithToken(await bao.createBareToken("bare"), { key })).keystore)
    expect(outcomes(steps)).toEqual({
      authentication: "passed",
      active_node: "passed",
      key_access: "warned",
      policy_enforcement: "warned",
      token_renewal: "warned",
      round_trip: "passed",
      audit_test: "skipped",
    })
    expect(facts(steps)).toMatchObject({ policies_applied: "unverified", vault_version: "compatible" })
  })

  it("warns about a policy that reaches other keys or can create one, and does not report it as verified", async () => {
    const steps = await stepsOf((await bao.open({ policy: careless(mount) })).keystore)
    const step = steps.get("policy_enforcement")
    expect(step).toMatchObject({ outcome: "warned", facts: { policies_applied: "unverified" } })
    expect(step?.message).toContain("other keys of the mount")
    expect(step?.message).toContain('"create" on')
  })

  it("warns about a root token", async () => {
    const steps = await stepsOf((await bao.openWithToken(bao.server.rootToken)).keystore)
    expect(steps.get("policy_enforcement")).toMatchObject({
      outcome: "warned",
      facts: { policies_applied: "unverified" },
    })
    expect(steps.get("token_renewal")).toMatchObject({ outcome: "warned" })
  })

  it("fails key_access for an exportable key (REQ-009), and does not use it", async () => {
    const key = await bao.createKey("aes256-gcm96", { exportable: true })
    const steps = await stepsOf((await bao.open({ key })).keystore)
    expect(steps.get("key_access")).toMatchObject({ outcome: "failed", code: "KEY_UNSUITABLE" })
    expect(steps.get("round_trip")).toMatchObject({ outcome: "skipped" })
  })

  it("fails policy_enforcement and round_trip with DENIED when encrypt is not allowed", async () => {
    const key = await bao.createKey()
    const policy = narrowPolicy(key).replace(/path "[^"]*\/encrypt\/[^}]*}/, "")
    const steps = await stepsOf((await bao.open({ key, policy })).keystore)
    expect(steps.get("policy_enforcement")).toMatchObject({ outcome: "failed", code: "DENIED" })
    expect(steps.get("round_trip")).toMatchObject({ outcome: "failed", code: "DENIED" })
  })

  it("fails authentication for a wrong secret id, and skips the rest", async () => {
    const { keystore } = await bao.open({ configuration: { secret_id: "wrong" } })
    const steps = await stepsOf(keystore)
    expect(steps.get("authentication")).toMatchObject({ outcome: "failed", code: "CREDENTIAL_REJECTED" })
    expect([...steps.values()].slice(1).map(({ outcome }) => outcome)).toEqual(Array(6).fill("skipped"))
  })

  it("renews the token, which OpenBao's own audit log confirms", async () => {
    await stepsOf((await bao.open()).keystore)
    const entries = await bao.server.auditEntries()
    expect(entries.some(({ type, request }) => type === "response" && request.path === "auth/token/renew-self")).toBe(
      true,
    )
  })

  it("ends within 30 s when the server stops answering during the test", async () => {
    const proxy = await tcpFaultProxy({ target: bao.server })
    try {
      const { keystore } = await bao.open({ configuration: { vault_address: `http://${proxy.host}:${proxy.port}` } })
      const startedMs = performance.now()
      const seen: ConnectionStep[] = []
      for await (const step of keystore.testConnection(testCall({ timeoutMs: 60_000 }))) {
        seen.push(step)
        if (step.name === "authentication") await proxy.setMode("blackHole")
      }
      expect(seen.map(({ name }) => name)).toEqual(stepNames)
      expect(seen[1]).toMatchObject({ outcome: "failed", code: "TIMED_OUT" })
      expect(performance.now() - startedMs).toBeLessThan(30_000)
    } finally {
      await proxy.close()
    }
  })
})
