import type { WireKind } from "../kind.ts"

/** The type under which a host asks a keystore plugin to make keystores. */
const providerType = "KeystoreProvider"

/** Keystores on the wire: their keys, and the making of keystores. */
export const keystoreKind: WireKind<"keystore"> = {
  types: ["KeystoreInstanceKeyOperation", providerType],
  serviceName: "plugin.keystore.operations.v1.KeystoreInstanceKeyOperation",
  hostMembers: ["supportedregions"],
  loadServe: async (type) =>
    type === providerType ? (await import("./provider.ts")).serveProvider : (await import("./serve.ts")).serveKeystores,
  loadHost: async () => (await import("./host.ts")).remoteKeystores,
}
