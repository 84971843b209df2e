import type { WireKind } from "../kind.ts"

/** Certificate issuers on the wire. */
export const certificateIssuerKind: WireKind<"certificate-issuer"> = {
  types: ["CertificateIssuerService", "CertificateIssuer"],
  serviceName: "plugin.certificate_issuer.v1.CertificateIssuerService",
  loadServe: async () => (await import("./serve.ts")).serveCertificateIssuer,
  loadHost: async () => (await import("./host.ts")).remoteCertificateIssuer,
}
