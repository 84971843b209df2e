import { configurationHooks } from "@apeiro-cmk/plugin-sdk"
import { keystoreConfiguration } from "./config.ts"

/** Fortanix DSM under the upstream host. */
export const upstreamHooks = configurationHooks({
  keystoreName: "DSM",
  keystoreConfiguration,
  addressField: "dsm_endpoint",
  certificateMethod: "client_certificate",
})
