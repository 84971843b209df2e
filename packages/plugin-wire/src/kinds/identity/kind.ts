import type { WireKind } from "../kind.ts"

/** Identity on the wire. */
export const identityKind: WireKind<"identity"> = {
  types: ["IdentityManagementService", "IdentityManagement"],
  serviceName: "plugin.identity_management.v1.IdentityManagementService",
  loadServe: async () => (await import("./serve.ts")).serveIdentity,
  loadHost: async () => (await import("./host.ts")).remoteIdentity,
}
