import type { WireKind } from "../kind.ts"

/** System information on the wire. */
export const systemInformationKind: WireKind<"system-information"> = {
  types: ["SystemInformationService", "SystemInformation"],
  serviceName: "plugin.systeminformation.v1.SystemInformationService",
  loadServe: async () => (await import("./serve.ts")).serveSystemInformation,
  loadHost: async () => (await import("./host.ts")).remoteSystemInformation,
}
