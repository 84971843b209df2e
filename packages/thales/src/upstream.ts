import type { UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { configurationHooks, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { keystoreConfiguration } from "./config.ts"

const addressed = z.looseObject({ hsm_ip_addresses: z.tuple([z.string().min(1).max(50)], z.string()) })

/** A Luna HSM under the upstream host: the label names the key, and the first appliance's address is the region. */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  ...configurationHooks({ keystoreName: "The HSM", keystoreConfiguration, keyField: "key_label" }),
  extractKeyRegion: (_nativeKeyId, management) => requireConfiguration(addressed, management).hsm_ip_addresses[0],
}
