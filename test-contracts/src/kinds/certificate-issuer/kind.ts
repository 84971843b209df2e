import { configuredOnceContract } from "../../configured-once/contract.ts"

const request = {
  tenantId: "contract-tenant",
  component: "crypto-manager",
  commonName: "contract",
  locality: "nowhere",
  validityDays: 1,
  certificateSigningRequest: "not-a-request",
} as const

/** The contract of certificate issuers. */
export const certificateIssuerContract = configuredOnceContract<"certificate-issuer">({
  always: { issueComponentCertificate: (plugin, call) => plugin.issueComponentCertificate(request, call) },
  byCapability: { revoke: (plugin, call) => plugin.revoke("00", call) },
})
