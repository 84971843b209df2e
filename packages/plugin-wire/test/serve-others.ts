// Plugins as processes: the four kinds other than keystores, and a keystore plugin that creates keystores. The first
// argument is the kind. With the second argument `bare` the plugin has nothing for the upstream host; with `slow` its
// connection test waits until the caller gives up.
import type {
  AnyPluginDefinition,
  ConfiguredOncePlugin,
  UpstreamCertificateIssuerV1,
  UpstreamIdentityV1,
  UpstreamKeystoreProviderV1,
  UpstreamNotificationV1,
  UpstreamSystemInformationV1,
} from "@apeiro-cmk/plugin-interface"
import { definePlugin, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { servePlugin } from "../src/serve.ts"

const [kind = "", flavour] = process.argv.slice(2)
const forUpstream = <Part>(upstream: Part) => (flavour === "bare" ? {} : { upstream })
const nothing = async () => undefined
const once: ConfiguredOncePlugin = {
  start: nothing,
  stop: nothing,
  async *testConnection({ tenantId, requestId, signal }) {
    yield { name: "caller", outcome: "passed", durationMs: 1, message: `${tenantId} ${requestId}` }
    if (flavour !== "slow") return
    await new Promise((resolve) => signal.addEventListener("abort", resolve))
    yield { name: "server", outcome: "failed", durationMs: 2, message: signal.reason.message, code: signal.reason.code }
  },
  setupMaterial: async ({ requestId }) => [
    { title: "Grants", fileName: "grants.txt", language: "text", text: requestId },
  ],
}
const configuration = { plugin: z.strictObject({}) }
const described = { displayName: "Toy", description: "For tests.", unsupported: {} }
const down = () => pluginError("UNREACHABLE", "The toy's server is down.", "Start it.")

const identity = definePlugin({
  manifest: {
    ...described,
    ...{ name: "toy-identity", kind: "identity", contract: "identity/v1" },
    capabilities: ["resolveWorkload", "permissions"],
  },
  configuration,
  create: () => ({
    ...once,
    async authenticate(token, { tenantId }) {
      if (token === "wrong") throw pluginError("CREDENTIAL_REJECTED", "This token is not valid.", "Log in again.")
      return { subject: token, issuer: tenantId, groups: ["administrators"], displayName: "Toy" }
    },
    resolveWorkload: async ({ spiffeId }, { tenantId }) => ({ spiffeId, tenantId }),
    permissions: async ({ groups }, tenantId) => groups.map((group) => `${tenantId}:${group}`),
    ...forUpstream<UpstreamIdentityV1>({
      async getUser(userId, context) {
        if (userId === "down") throw down()
        return userId === "none" ? undefined : { id: userId, name: "Name", email: context.issuer ?? "" }
      },
      getGroup: async (groupName) => (groupName === "none" ? undefined : { id: "1", name: groupName }),
      getAllGroups: async () => [{ id: "1", name: "first" }],
      getUsersForGroup: async (groupId) => [{ id: groupId, name: "Name", email: "mail" }],
      getGroupsForUser: async (userId) => [{ id: userId, name: "first" }],
    }),
  }),
})

const certificateIssuer = definePlugin({
  manifest: {
    ...described,
    ...{ name: "toy-issuer", kind: "certificate-issuer", contract: "certificate-issuer/v1" },
    capabilities: ["revoke"],
  },
  configuration,
  create: () => ({
    ...once,
    issueComponentCertificate: async ({ commonName, validityDays }) => `${commonName} ${validityDays}`,
    async revoke(serialNumber) {
      if (serialNumber === "down") throw down()
    },
    ...forUpstream<UpstreamCertificateIssuerV1>({
      getCertificate: async ({ commonName, localities, validityDays, privateKey }) =>
        commonName === "empty" ? "" : [commonName, ...localities, validityDays, privateKey.length].join(" "),
    }),
  }),
})

const systemInformation = definePlugin({
  manifest: {
    ...described,
    ...{ name: "toy-graph", kind: "system-information", contract: "system-information/v1" },
    capabilities: ["watch", "writeStatus"],
  },
  configuration,
  create: () => ({
    ...once,
    validate: async ({ kind: named }) => ({
      accepted: named === "Tenant",
      reason: "UnknownKind",
      message: "The toy knows tenants.",
    }),
    async *watch(watched, { signal }) {
      yield { type: "added", resource: { kind: watched } }
      if (watched === "Broken") throw down()
      yield { type: "deleted", resource: { kind: watched } }
      if (watched === "Endless") {
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      }
    },
    async writeStatus(resource) {
      if (resource.kind !== "Tenant") throw down()
    },
    ...forUpstream<UpstreamSystemInformationV1>({
      get: async ({ id, type }) => (id === "none" ? undefined : { id, type }),
    }),
  }),
})

const notification = definePlugin({
  manifest: {
    ...described,
    ...{ name: "toy-alerts", kind: "notification", contract: "notification/v1" },
    capabilities: [],
  },
  configuration,
  create: (_configuration, { logger }) => ({
    ...once,
    async deliver({ id, type }, target) {
      if (target === "down") throw down()
      logger.info("delivered", { id, type, target })
    },
    ...forUpstream<UpstreamNotificationV1>({
      async sendNotification({ recipients, subject }) {
        if (subject === "down") throw down()
        logger.info("sent", { recipients: recipients.join(" "), subject })
      },
    }),
  }),
})

const provider: UpstreamKeystoreProviderV1 = {
  createKeystore: async () => ({
    roleManagement: { localityId: "", commonName: "roles", accessData: {} },
    keyManagement: { localityId: "eu", commonName: flavour === "nameless" ? "" : "keys", accessData: { path: "a/1" } },
  }),
  async deleteKeystore({ path }) {
    if (path !== "a/1") throw pluginError("KEY_UNSUITABLE", "The path is not a keystore of the toy.", "Name another.")
  },
  grantTrust: async ({ subject, region, type }) => ({ granted: `${type} ${subject} ${region}` }),
  async removeTrust(_values, { granted }) {
    if (granted !== "crypto subject eu") throw down()
  },
}

const operations = ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"]
const keystore = definePlugin({
  manifest: {
    ...described,
    name: "toy-provider",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "toy",
    capabilities: [],
    unsupported: Object.fromEntries(operations.map((operation) => [operation, "it is a toy"])),
    activationFacts: {},
    identityFields: [],
    productionReady: false,
  },
  configuration: { ...configuration, keystore: z.strictObject({}) },
  create: () => ({
    start: nothing,
    stop: nothing,
    openKeystore: () => Promise.reject(down()),
    setupMaterial: async () => [],
    provider: {
      createKeystore: () => Promise.reject(down()),
      deleteKeystore: () => Promise.reject(down()),
      locateKeystore: () => Promise.reject(down()),
      ...forUpstream(provider),
    },
  }),
})

const toys: Readonly<Record<string, AnyPluginDefinition>> = {
  keystore,
  identity,
  "certificate-issuer": certificateIssuer,
  "system-information": systemInformation,
  notification,
}

const toy = toys[kind]
if (toy === undefined) throw new Error(`no toy is of kind ${kind}`)
await servePlugin(toy, { version: "1.2.3" })
