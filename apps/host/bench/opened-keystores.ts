/**
 * Memory of the host after many tenants have each used one keystore once: at the start, after the first few of them, at the
 * end of the use, and when the idle time is over. The keystores are in a real OpenBao.
 *
 * The growth is counted from the first few tenants on: by then every kind of request has run, and its code is loaded and
 * compiled, once for all tenants. The figure from the start of the process is printed, too.
 *
 * Needs Linux. Takes some minutes, most of them for adding the tenants.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { figure, processUsage, rowWithTarget, table, targetTable, writeReport } from "@apeiro-cmk/bench"
import { freePorts, type OpenBaoServer, startOpenBao } from "@apeiro-cmk/test-backends"
import * as z from "zod"
import { type HostClient, hostClient } from "../test/host-client.ts"
import { administratorToken } from "../test/test-host.ts"
import { hostCommand, startProgram } from "./program.ts"

const usage = `npm run bench -- opened-keystores [--tenants N] [--idle-seconds S] [--json FILE]

  --tenants N       tenants that use one keystore each (default 3000)
  --idle-seconds S  idle time of opened keystores (default 20)
  --json FILE       writes the figures as JSON`

const { values } = parseArgs({
  options: {
    tenants: { type: "string", default: "3000" },
    "idle-seconds": { type: "string", default: "20" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

const profilesFolder = dirname(createRequire(import.meta.url).resolve("@apeiro-cmk/profiles/package.json"))
const tenantsAtOnce = 8
/** After so many the code of every request is loaded and compiled. */
const firstTenants = 50
/** The default lease, and what its end may take. */
const leaseSeconds = 40
const growthBoundMiB = 60

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark(Number(values.tenants), Number(values["idle-seconds"]))

async function benchmark(tenants: number, idleSeconds: number): Promise<void> {
  const bao = await startOpenBao()
  const host = await startHost(bao, idleSeconds)
  const residentMiB = () => processUsage([host.processId]).residentBytes / 2 ** 20
  const settled = () => delay((idleSeconds + leaseSeconds) * 1000)
  try {
    const secrets = await prepareServer(bao)
    const used: Used = { host: host.client, url: host.url, bao, secrets }
    const start = residentMiB()
    await useTenants({ from: 0, until: firstTenants }, used)
    const warm = residentMiB()
    await useTenants({ from: firstTenants, until: tenants }, used)
    const busy = residentMiB()
    await settled()
    const end = residentMiB()
    const rows = [
      { metric: "resident at the start", value: start, unit: "MiB" },
      { metric: `resident after ${firstTenants} tenants`, value: warm, unit: "MiB" },
      { metric: `resident after ${tenants} tenants`, value: busy, unit: "MiB" },
      { metric: "resident after the idle time", value: end, unit: "MiB" },
      { metric: "growth since the start", value: end - start, unit: "MiB" },
      rowWithTarget({ metric: "growth", value: end - warm, unit: "MiB" }, { kind: "at most", bound: growthBoundMiB }),
    ]
    const lines = rows.map(({ metric, value, unit }) => [metric, figure(value), unit])
    process.stdout.write(`${table(["", "", ""], lines)}\n\n${targetTable(rows)}\n`)
    if (values.json !== undefined) await writeReport(values.json, { benchmark: "opened-keystores", rows })
    process.exitCode = rows.some((row) => "met" in row && row.met === false) ? 1 : 0
  } finally {
    await host.stop()
    await bao.stop()
  }
}

async function startHost(bao: OpenBaoServer, idleSeconds: number) {
  const folder = await mkdtemp(join(tmpdir(), "opened-keystores-"))
  const [port = 0, operationsPort = 0] = await freePorts(2)
  await symlink(join(profilesFolder, "node_modules"), join(folder, "node_modules"))
  const dataDirectory = join(folder, "data")
  await mkdir(dataDirectory, { mode: 0o700 })
  const profile = {
    mode: "development",
    dataDirectory,
    listeners: { api: { port }, operations: { port: operationsPort } },
    openedKeystores: { idleMs: idleSeconds * 1000 },
    plugins: [
      {
        ...{ name: "openbao", type: "keystore", package: "@apeiro-cmk/openbao" },
        configuration: { allowedEndpoints: [bao.address], allowedAddresses: ["127.0.0.0/8"] },
      },
    ],
  }
  const profilePath = join(folder, "profile.yaml")
  await writeFile(profilePath, JSON.stringify(profile))
  const program = await startProgram(await hostCommand(["--profile", profilePath]), join(folder, "host.log"))
  const url = `http://127.0.0.1:${port}`
  return {
    processId: program.processId,
    url,
    client: hostClient(url, await administratorToken({ dataDirectory })),
    async stop() {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** @returns the fields by which every tenant's keystore logs in */
async function prepareServer({ admin }: OpenBaoServer): Promise<Readonly<Record<string, string>>> {
  await admin.enableTransit("transit")
  await admin.enableAuth("approle")
  await admin.writePolicy("keystores", `path "transit/*" { capabilities = ["create", "read", "update"] }`)
  const { roleId, secretId } = await admin.createAppRole({ name: "keystores", policies: ["keystores"] })
  return { auth_method: "approle", role_id: roleId, secret_id: secretId }
}

interface Used {
  readonly host: HostClient
  readonly url: string
  readonly bao: OpenBaoServer
  readonly secrets: Readonly<Record<string, string>>
}

async function useTenants({ from, until }: { from: number; until: number }, used: Used): Promise<void> {
  let next = from
  const work = async () => {
    for (let number = next++; number < until; number = next++) {
      await useTenant(`tenant-${number}`, used)
      if (number % 500 === 0) process.stderr.write(`tenant ${number}\n`)
    }
  }
  await Promise.all(Array.from({ length: tenantsAtOnce }, work))
}

/** Adds a tenant with an active keystore, and makes one data key. */
async function useTenant(tenantId: string, { host, url, bao, secrets }: Used): Promise<void> {
  await bao.admin.createTransitKey({ mount: "transit", name: tenantId })
  const tenant = `/v1/tenants/${tenantId}`
  const configuration = { vault_address: bao.address, mount_path: "transit", key_name: tenantId, ...secrets }
  await host.expect(201, "POST", "/v1/tenants", { tenant_id: tenantId, display_name: tenantId })
  await host.expect(201, "POST", `${tenant}/keystores`, { plugin_type: "openbao", plugin_name: "own", configuration })
  await host.expect(200, "POST", `${tenant}/keystores/own/activate`, {})
  await host.expect(201, "POST", `${tenant}/service-keys`, { name: "orders" })
  const answer = await host.expect(201, "POST", `${tenant}/tokens`, { role: "workload" })
  const { token } = z.object({ token: z.string() }).parse(answer)
  await hostClient(url, token).expect(200, "POST", `${tenant}/service-keys/orders/data-keys`, {})
}
