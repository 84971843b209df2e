import { claimAnswer, claimList } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import { contextOf } from "../context.ts"
import { table } from "../output.ts"

const root = "/v1/platform/claims"

/** `apeiro-cmk platform claim ...` */
export function addClaimCommands(platform: Command): void {
  const claim = platform.command("claim").description("claims of tenants on L1 keys: a key serves one tenant")
  claim
    .command("list")
    .description("list all claims with their holders")
    .action(async (_options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const claims = await host.list(root, claimList, (part) => part.claims)
      const rows = claims.map((each) => [
        ...[each.claim_id, each.tenant_id, each.plugin_name ?? "", each.plugin_type, each.l1_key_identity],
        ...[each.claimed_at, each.contested_at ?? ""],
      ])
      const head = ["CLAIM", "HOLDER", "KEYSTORE", "TYPE", "L1 KEY", "CLAIMED", "CONTESTED"]
      output.result({ claims }, table([head, ...rows]))
    })

  claim
    .command("release <claim> <tenant> <keystore>")
    .description(
      "give a claim to the tenant that owns the key, unless the holder's keystore proves that it holds it too",
    )
    .action(async (claimId: string, tenantId: string, keystore: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const query = new URLSearchParams({ claimant_tenant_id: tenantId, claimant_plugin_name: keystore })
      const path = `${root}/${encodeURIComponent(claimId)}?${query}`
      const released = await host.request({ method: "DELETE", path }, claimAnswer)
      output.result(
        released,
        `The claim is ${tenantId}'s. Next: apeiro-cmk keystore activate ${tenantId} ${keystore}; it is claim ${released.claim_id} now`,
      )
    })
}
