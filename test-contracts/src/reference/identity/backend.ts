import * as z from "zod"
import { type Operations, Refusal } from "../operations.ts"

const token = z.object({ token: z.string() })
const workload = z.object({ spiffeId: z.string() })
const question = z.object({ groups: z.array(z.string()), tenantId: z.string() })

/** The reference identity provider knows tokens `token-of-NAME` and workloads `spiffe://reference/TENANT/...`. */
export const identityOperations: Operations = {
  authenticate(input) {
    const name = /^token-of-([a-z]+)$/.exec(token.parse(input).token)?.[1]
    if (name === undefined) throw new Refusal("token-rejected")
    return { subject: name, issuer: "reference", groups: ["administrators"], displayName: name.toUpperCase() }
  },
  resolveWorkload(input) {
    const { spiffeId } = workload.parse(input)
    const tenantId = /^spiffe:\/\/reference\/([a-z0-9-]+)\//.exec(spiffeId)?.[1]
    if (tenantId === undefined) throw new Refusal("unknown-workload")
    return { spiffeId, tenantId }
  },
  permissions(input) {
    const { groups, tenantId } = question.parse(input)
    return groups.includes("administrators") ? [`${tenantId}:administer`] : []
  },
}
