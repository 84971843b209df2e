import { configurationHooks } from "@apeiro-cmk/plugin-sdk"
import { keystoreConfiguration } from "./config.ts"

/** OpenBao under the upstream host. */
export const upstreamHooks = configurationHooks({
  keystoreName: "OpenBao",
  keystoreConfiguration,
  addressField: "vault_address",
  certificateMethod: "cert",
})
