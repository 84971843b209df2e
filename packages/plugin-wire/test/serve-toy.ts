// A plugin as a process, for the tests of both sides: its configuration says how it misbehaves.
import { spawn } from "node:child_process"
import type { KeyDescription, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { definePlugin, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { servePlugin } from "../src/serve.ts"

const configuration = z.strictObject({
  noise: z.boolean().default(false),
  hangOnStop: z.boolean().default(false),
  grandchild: z.boolean().default(false),
  failStart: z.boolean().default(false),
})

function description(keyId: string): KeyDescription {
  return {
    key: { keyId },
    identity: `toy/${keyId}`,
    state: "ENABLED",
    algorithm: "aes256-gcm96",
    exportable: false,
    latestVersion: "1",
    latestVersionCreatedAtMs: 1_700_000_000_000,
    warnings: [],
  }
}

const unused = () => Promise.reject(pluginError("UNSUPPORTED", "The toy cannot.", "Use another."))

function toyKeystore(): KeystoreV1 {
  return {
    defaultKey: { keyId: "toy" },
    async describeKey({ keyId }, { signal }) {
      if (keyId === "throw") void Promise.reject(new Error("nobody listens"))
      if (keyId === "crash") setImmediate(() => fail())
      if (keyId === "exit") process.exit(7)
      // biome-ignore lint/suspicious/noConsole: what a careless dependency does
      if (keyId === "log") console.log("noise of a dependency")
      if (keyId === "hang")
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      return description(keyId)
    },
    // A keystore that counts in seconds, and whose clock went back once.
    listKeyVersions: async () =>
      [1_700_000_000_000, 1_700_000_000_000, 1_699_999_000_000].map((createdAtMs, index) => ({
        ...{ versionId: String(index + 1), createdAtMs, status: "ENABLED" as const },
      })),
    ...{ encrypt: unused, decrypt: unused, createKey: unused, enableKey: unused },
    ...{ disableKey: unused, rotateKey: unused, deleteKey: unused, getImportParameters: unused },
    ...{ importKeyMaterial: unused, probe: unused },
    async *testConnection() {},
    close: async () => undefined,
  }
}

function fail(): never {
  throw new Error("canary-in-a-crash")
}

const plugin = definePlugin({
  manifest: {
    name: "toy",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "toy",
    displayName: "Toy",
    description: "For tests.",
    capabilities: ["listKeyVersions"],
    unsupported: Object.fromEntries(
      ["createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"].map((name) => [
        name,
        "it is a toy",
      ]),
    ),
    activationFacts: {},
    identityFields: [],
    productionReady: false,
  },
  configuration: { plugin: configuration, keystore: z.strictObject({}) },
  create: ({ noise, hangOnStop, grandchild, failStart }) => ({
    async start() {
      if (failStart) throw pluginError("UNREACHABLE", "The toy does not start.", "Wind it up.")
      if (noise) process.stderr.write(`${"x".repeat(200_000)}\n`)
      if (grandchild) spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "inherit"] })
    },
    async stop() {
      if (hangOnStop) await new Promise(() => undefined)
    },
    openKeystore: async () => toyKeystore(),
    setupMaterial: async () => [],
  }),
})

await servePlugin(plugin, { version: "1.2.3" })
