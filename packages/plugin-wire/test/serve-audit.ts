// A keystore plugin as a process that reports to the audit stream. The key that a call describes says what it reports.
import type { CallOptions, KeyDescription, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import { definePlugin, pluginError, recordedLogin, unsupportedOperations } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { servePlugin } from "../src/serve.ts"

const configuration = z.strictObject({ reportAtStart: z.boolean().default(false) })
const operations = ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"]
const unused = () => Promise.reject(pluginError("UNSUPPORTED", "The toy cannot.", "Use another."))
const outsideOfCalls = { tenantId: "acme", requestId: "start" }

type Services = PluginServices<"keystore">

/** Events that no plugin of this kind may report; the types would refuse them. */
const strangeEvents: Readonly<Record<string, string>> = {
  "another kind": '{"action":"identityLogin","outcome":"success"}',
  "unknown action": '{"action":"canary-in-an-event","outcome":"success"}',
  "unknown member": '{"action":"keystoreLogin","outcome":"success","canary-in-an-event":"canary-in-an-event"}',
  "too long": JSON.stringify({ action: "keystoreLogin", outcome: "success", facts: { long: "x".repeat(20_000) } }),
}

async function login({ audit, logger }: Services, isRefused: boolean, call: CallOptions): Promise<void> {
  await recordedLogin(
    {
      audit,
      logger,
      event: { action: "keystoreLogin", facts: { method: "toy" } },
      work: async () => {
        if (isRefused) throw pluginError("CREDENTIAL_REJECTED", "The toy's server says no.", "Log in with another.")
      },
      isRepeated: () => false,
      success: () => ({ backendRequestId: "r-1" }),
    },
    call,
  )
}

async function report(keyId: string, services: Services, call: CallOptions): Promise<void> {
  if (keyId === "login" || keyId === "refused login") return login(services, keyId === "refused login", call)
  const strange = strangeEvents[keyId]
  if (strange !== undefined) await services.audit.record(JSON.parse(strange), call)
}

function description(keyId: string, { signal: _, ...facts }: CallOptions): KeyDescription {
  return {
    key: { keyId: keyId === "request" ? facts.requestId : keyId },
    ...{ identity: JSON.stringify(facts), state: "ENABLED", algorithm: "aes256-gcm96" },
    ...{ exportable: false, latestVersion: "1", warnings: [] },
  }
}

function keystore(services: Services): KeystoreV1 {
  return {
    ...unsupportedOperations({}),
    defaultKey: { keyId: "toy" },
    async describeKey({ keyId }, call) {
      await report(keyId, services, call)
      return description(keyId, call)
    },
    ...{ encrypt: unused, decrypt: unused, probe: unused },
    async *testConnection({ signal: _, deadlineMs: _deadline, ...facts }) {
      yield { name: "caller", outcome: "passed", durationMs: 0, message: "The toy shows its caller.", facts }
    },
    close: async () => undefined,
  }
}

const plugin = definePlugin({
  manifest: {
    name: "audit-toy",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "toy",
    displayName: "Toy",
    description: "For tests.",
    capabilities: [],
    unsupported: Object.fromEntries(operations.map((name) => [name, "it is a toy"])),
    activationFacts: {},
    identityFields: [],
    productionReady: false,
  },
  configuration: { plugin: configuration, keystore: z.strictObject({}) },
  create: ({ reportAtStart }, services) => ({
    async start() {
      if (reportAtStart) await services.audit.record({ action: "keystoreLogin", outcome: "success" }, outsideOfCalls)
    },
    stop: async () => undefined,
    openKeystore: async () => keystore(services),
    setupMaterial: async (_configuration, { requestId }) => [
      { title: "Grants", fileName: "grants.txt", language: "text", text: requestId },
    ],
  }),
})

await servePlugin(plugin, { version: "1.2.3" })
