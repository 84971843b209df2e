import { configuredOnceContract } from "../../configured-once/contract.ts"

const stranger = { subject: "nobody", issuer: "nowhere", groups: [] }

/** The contract of identity plugins. */
export const identityContract = configuredOnceContract<"identity">({
  always: { authenticate: (plugin, call) => plugin.authenticate("not-a-token", call) },
  byCapability: {
    resolveWorkload: (plugin, call) => plugin.resolveWorkload({ spiffeId: "spiffe://nowhere/nobody" }, call),
    permissions: (plugin, call) => plugin.permissions(stranger, "no-such-tenant", call),
  },
})
