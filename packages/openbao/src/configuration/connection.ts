import { endpoint, tlsFields } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { serverPath } from "./text.ts"

const address = () => endpoint().refine((text) => !/\/v1$/i.test(text), { error: "must not end with /v1" })

/** Fields for the address of the server and for TLS. */
export const connectionFields = {
  vault_address: address().meta({ title: "Server address", examples: ["https://openbao.company.internal:8200"] }),
  cluster_addresses: z.array(address()).max(8).optional().meta({
    title: "Addresses of the other nodes",
    description:
      "For a cluster without a load balancer. Name every other node of the cluster, one address each: only the node that most of them follow is asked.",
  }),
  namespace: serverPath()
    .transform((namespace) => (namespace === "root" ? undefined : namespace))
    .optional()
    .meta({ title: "Namespace", description: "OpenBao namespace. Default: the root namespace." }),
  ...tlsFields,
}
