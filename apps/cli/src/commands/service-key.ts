import { serviceKeyAnswer, serviceKeyList } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import { contextOf, creationHeaders, tenantPath } from "../context.ts"
import { table } from "../output.ts"

/** `apeiro-cmk service-key ...` */
export function addServiceKeyCommands(program: Command): void {
  const serviceKey = program.command("service-key").description("service keys (L3), one per service")

  serviceKey
    .command("create <tenant> <name>")
    .description("create a service key under the tenant key")
    .action(async (tenantId: string, name: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const request = { path: tenantPath(tenantId, "service-keys"), body: { name }, headers: creationHeaders() }
      const created = await host.request({ method: "POST", ...request }, serviceKeyAnswer)
      output.result(created, `Service key ${created.name} version ${created.version} created.`)
    })

  serviceKey
    .command("list <tenant>")
    .description("list service keys")
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const path = tenantPath(tenantId, "service-keys")
      const keys = await host.list(path, serviceKeyList, (part) => part.service_keys)
      const rows = keys.map((key) => [key.name, `${key.version}`, key.state, `L2 version ${key.parent.version}`])
      output.result({ service_keys: keys }, table([["NAME", "VERSION", "STATE", "WRAPPED BY"], ...rows]))
    })
}
