import { createAuditRecorder, decodeLeaf, type PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it } from "vitest"
import { pluginAuditPort } from "../src/plugin-audit.ts"

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

function recording(kind: PluginKind = "keystore") {
  const entries: PreparedAuditEntry[] = []
  const intake = { append: async (added: readonly PreparedAuditEntry[]) => void entries.push(...added) }
  const audit = createAuditRecorder({ intake, clock: systemClock, replica: "host-1" })
  return {
    port: pluginAuditPort(audit, { name: "vault", kind }, "host-1"),
    leaves: () => entries.map(({ leaf }) => decodeLeaf(leaf)),
  }
}

it("names keystore, request and trace of what a keystore plugin reports, so that two keystores can be told apart", async () => {
  const { port, leaves } = recording()
  for (const keystoreId of ["first", "second"]) {
    const call = { ...testCall({ requestId: `request-of-${keystoreId}`, keystoreId }), traceparent }
    await port.record({ action: "keystoreLogin", outcome: "success", backendRequestId: "b1" }, call)
  }
  const common = { action: "keystoreLogin", traceId: "4bf92f3577b34da6a3ce929d0e0e4736", backendRequestId: "b1" }
  expect(leaves()).toMatchObject([
    { ...common, resource: { type: "keystore", id: "first" }, keystoreId: "first", requestId: "request-of-first" },
    { ...common, resource: { type: "keystore", id: "second" }, keystoreId: "second", requestId: "request-of-second" },
  ])
})

it("refuses actions of the host, of other kinds and of nobody, and records nothing", async () => {
  const { port, leaves } = recording("identity")
  for (const action of ["tenantOnboarding", "keystoreLogin", "unknownThing"]) {
    const event = JSON.parse(JSON.stringify({ action, outcome: "success" }))
    await expect(port.record(event, testCall())).rejects.toMatchObject({ code: "INTERNAL", origin: "plugin" })
  }
  expect(leaves()).toEqual([])
})

it("names the plugin where the call is for no keystore", async () => {
  const { port, leaves } = recording("identity")
  const { keystoreId: _keystoreId, ...call } = testCall({ requestId: "request-1" })
  await port.record({ action: "identityLogin", outcome: "failure", code: "CREDENTIAL_REJECTED" }, call)
  const failure = { outcome: "failure", code: "CREDENTIAL_REJECTED", requestId: "request-1" }
  expect(leaves()).toMatchObject([{ ...failure, resource: { type: "plugin", id: "vault" } }])
  expect(leaves()[0]).not.toHaveProperty("keystoreId")
})
