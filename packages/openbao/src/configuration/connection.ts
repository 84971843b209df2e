import { endpoint, tlsFields } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { serverPath } from "./text.ts"

const address = () => endpoint().refine((text) => !/\/v1$/i.test(text), { error: "must be given without /v1" })

/** Fields that say where the server is, and how TLS is spoken with it. */
export const connectionFields = {
  vault_address: address().meta({ title: "Server address", examples: ["https://openbao.company.internal:8200"] }),
  cluster_addresses: z.array(address()).max(8).optional().meta({
    title: "Addresses of the cluster's other nodes",
    description: "For a cluster without a load balancer. Every address must be a node of the same cluster.",
  }),
  namespace: serverPath()
    .transform((namespace) => (namespace === "root" ? undefined : namespace))
    .optional()
    .meta({ title: "Namespace", description: "OpenBao namespace; without it, the root namespace." }),
  ...tlsFields,
}
