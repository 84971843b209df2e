import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { Dsm, type Place } from "./dsm.ts"

async function run(
  change: (place: Place, dsm: Dsm) => unknown = () => undefined,
  options?: Parameters<typeof Dsm.start>[0],
) {
  const dsm = await Dsm.start(options)
  onTestFinished(() => dsm.stop())
  const place = dsm.place()
  const plugin = await dsm.plugin(testServices())
  onTestFinished(() => plugin.stop())
  const given = (await change(place, dsm)) ?? {}
  const keystore = await plugin.openKeystore({ ...place.configuration, ...given }, testCall())
  const steps = new Map<string, ConnectionStep>()
  for await (const step of keystore.testConnection(testCall({ timeoutMs: 30_000 }))) steps.set(step.name, step)
  return { place, steps, outcomes: Object.fromEntries([...steps].map(([name, { outcome }]) => [name, outcome])) }
}

describe("the connection test", () => {
  it("passes each step of the story, and reports its findings", async () => {
    const { steps, outcomes } = await run()
    expect(outcomes).toEqual({
      ...{ connectivity: "passed", authentication: "passed", permissions: "passed" },
      ...{ key_access: "passed", round_trip: "passed", audit_test: "passed" },
    })
    expect(Object.assign({}, ...[...steps.values()].map(({ facts }) => facts))).toEqual({
      ...{ hsm_connectivity: "connected", fips_compliance: "level_3_stated_by_server", dsm_version: "4.37.0-emulator" },
      ...{ auth_status: "authenticated", app_permissions: "verified", key_operations: "verified" },
      hsm_audit_log: "verified",
    })
  })

  it("accepts the ids of group and key as well as their names", async () => {
    const { outcomes } = await run(({ group, key }) => ({ group_id: group.id, key_name: key.kid }))
    expect(new Set(Object.values(outcomes))).toEqual(new Set(["passed"]))
  })

  it("reports no FIPS level that DSM does not report", async () => {
    const { steps } = await run(undefined, {})
    expect(steps.get("connectivity")).toMatchObject({ facts: { fips_compliance: "not_reported" } })
  })

  it.each<[string, (place: Place, dsm: Dsm) => unknown, string, string, RegExp]>([
    [
      "a disabled app",
      ({ app }) => void Object.assign(app, { enabled: false }),
      "authentication",
      "CREDENTIAL_REJECTED",
      /app is enabled/,
    ],
    ["a missing group", () => ({ group_id: "elsewhere" }), "permissions", "KEY_NOT_FOUND", /group_id/],
    [
      "a missing ENCRYPT permission",
      ({ app, group }) => void app.groups.set(group.id, ["DECRYPT"]),
      "permissions",
      "DENIED",
      /ENCRYPT/,
    ],
    [
      "EXPORT for the app, as in the story's sample",
      ({ app, group }) => void app.groups.set(group.id, ["ENCRYPT", "DECRYPT", "DERIVEKEY", "EXPORT"]),
      ...(["permissions", "KEY_UNSUITABLE", /REQ-009/] as const),
    ],
    ["a missing key", () => ({ key_name: "another" }), "key_access", "KEY_NOT_FOUND", /key_name/],
    [
      "a key that is not active",
      ({ key }) => void Object.assign(key, { state: "PreActive" }),
      "key_access",
      "KEY_DISABLED",
      /Activate/,
    ],
    [
      "a disabled key",
      ({ key }) => void Object.assign(key, { enabled: false }),
      "key_access",
      "KEY_DISABLED",
      /Enable/,
    ],
    [
      "an exportable key",
      ({ key }) => void Object.assign(key, { keyOps: [...key.keyOps, "EXPORT"] }),
      ...(["key_access", "KEY_UNSUITABLE", /REQ-009/] as const),
    ],
    [
      "a policy without AES-GCM",
      ({ group }) => void Object.assign(group, { aesModes: ["KWP"] }),
      ...(["round_trip", "KEY_UNSUITABLE", /wrap_mode to KWP/] as const),
    ],
    [
      "a quorum for each use",
      ({ group }) => void Object.assign(group, { approvals: "for changes and each use" }),
      ...(["round_trip", "DENIED", /quorum policy/] as const),
    ],
  ])("reports %s, and what to do", async (_what, change, step, code, nextStep) => {
    const { steps } = await run(change)
    expect(steps.get(step)).toMatchObject({ outcome: "failed", code, nextStep: expect.stringMatching(nextStep) })
    const after = [...steps.values()].slice([...steps.keys()].indexOf(step) + 1)
    expect(after.every(({ outcome }) => outcome === "skipped")).toBe(true)
  })

  it("warns of a DERIVEKEY permission, which is not needed", async () => {
    const { steps } = await run(({ app, group }) => void app.groups.set(group.id, ["ENCRYPT", "DECRYPT", "DERIVEKEY"]))
    expect(steps.get("permissions")).toMatchObject({
      outcome: "warned",
      message: expect.stringContaining("Tenant keys are wrapped, not derived: DERIVEKEY is not used."),
    })
  })

  it("warns of a key that was exportable once", async () => {
    const { steps } = await run(({ key }) => void Object.assign(key, { neverExportable: false }))
    expect(steps.get("key_access")).toMatchObject({
      outcome: "warned",
      message: expect.stringContaining("never_exportable"),
    })
  })

  it("reports that DSM shows the app neither its permissions nor the log", async () => {
    const { steps } = await run((_place, dsm) => {
      dsm.emulator.failNext({ on: "/sys/v1/apps/", status: 403, times: 10 })
      dsm.emulator.failNext({ on: "/sys/v1/logs", status: 403, times: 10 })
    })
    expect(steps.get("permissions")).toMatchObject({ outcome: "warned", facts: { app_permissions: "unverified" } })
    expect(steps.get("audit_test")).toMatchObject({ outcome: "skipped", facts: { hsm_audit_log: "unverified" } })
  })

  it("warns when DSM's log never shows the operation", async () => {
    const { steps } = await run((_place, dsm) => {
      dsm.emulator.failNext({ on: "/sys/v1/logs", status: 200, text: '{"items":[]}', times: 10 })
    })
    expect(steps.get("audit_test")).toMatchObject({ outcome: "warned", facts: { hsm_audit_log: "unverified" } })
  })
})
