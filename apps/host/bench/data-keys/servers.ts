import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePorts, startOpenBao, startPostgres } from "@apeiro-cmk/test-backends"
import { administratorToken, postgresPersistence } from "../../test/test-host.ts"
import { hostCommand, startNodeProgram, startProgram } from "../program.ts"
import { batchSize, type MeasuredServer } from "./measured-server.ts"
import { prepareServiceKey } from "./prepare-service-key.ts"

const bareServer = fileURLToPath(new URL("bare-server.ts", import.meta.url))
const profilesFolder = dirname(createRequire(import.meta.url).resolve("@apeiro-cmk/profiles/package.json"))

/** Starts the reference. @param folder - for its files; the caller removes it */
export async function startBareServer(folder: string): Promise<MeasuredServer> {
  const program = await startNodeProgram([bareServer], join(folder, "bare.log"))
  return {
    name: "bare node:http, same envelope",
    processIds: [program.processId],
    single: {
      url: `${program.firstLine}/`,
      headerFile: await written(folder, "bare.header", "X-Nothing: none"),
      bodyFile: await written(folder, "empty.json", "{}"),
      check: "data-key",
    },
    stop: () => program.stop(),
  }
}

/** Folder of a host's data, and its database. */
export interface HostPlace {
  readonly name: string
  /** Parent of the host's folder; `/dev/shm` is memory, so that a commit costs no disk. */
  readonly parent: string
  /** A PostgreSQL with its password. Default: SQLite in the host's folder. */
  readonly databaseUrl?: string
  /** Processes of the database; their children count, too. */
  readonly databaseProcessIds?: readonly number[]
}

/** Starts our host with its default log, and a workload's token for one service key. */
export async function startHostServer(place: HostPlace): Promise<MeasuredServer> {
  const folder = await mkdtemp(join(place.parent, "data-keys-"))
  const [port = 0, operationsPort = 0] = await freePorts(2)
  await symlink(join(profilesFolder, "node_modules"), join(folder, "node_modules"))
  const dataDirectory = join(folder, "data")
  await mkdir(dataDirectory, { mode: 0o700 })
  const profile = {
    mode: "development",
    dataDirectory,
    listeners: { api: { port }, operations: { port: operationsPort } },
    ...(place.databaseUrl === undefined ? {} : { persistence: await postgresPersistence(folder, place.databaseUrl) }),
    plugins: [
      {
        name: "local-keystore",
        type: "keystore",
        package: "@apeiro-cmk/local-keystore",
        configuration: { keyFile: join(dataDirectory, "local-keystore.key") },
      },
    ],
  }
  const profilePath = await written(folder, "profile.yaml", JSON.stringify(profile))
  const program = await startProgram(await hostCommand(["--profile", profilePath]), join(folder, "host.log"))
  const url = `http://127.0.0.1:${port}`
  const token = await prepareServiceKey(url, await administratorToken({ dataDirectory }))
  const headerFile = await written(folder, "workload.header", `Authorization: Bearer ${token}`)
  const dataKeys = `${url}/v1/tenants/bench/service-keys/orders/data-keys`
  const operations = Array.from({ length: batchSize }, () => ({ generate: {} }))
  return {
    name: place.name,
    processIds: [program.processId, ...(place.databaseProcessIds ?? [])],
    single: { url: dataKeys, headerFile, bodyFile: await written(folder, "one.json", "{}"), check: "data-key" },
    batch: {
      url: `${dataKeys}/batch`,
      headerFile,
      bodyFile: await written(folder, "batch.json", JSON.stringify({ operations })),
      check: "data-key-batch",
    },
    async stop() {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Starts our host on its own PostgreSQL, which flushes each commit to the disk. */
export async function startHostOnPostgres(parent: string): Promise<MeasuredServer> {
  const postgres = await startPostgres({ durable: true })
  const databaseUrl = await postgres.createDatabase()
  const databaseProcessIds = [postgres.processId]
  const host = await startHostServer({ name: "host on PostgreSQL", parent, databaseUrl, databaseProcessIds })
  return {
    ...host,
    async stop() {
      await host.stop()
      await postgres.stop()
    },
  }
}

/** Starts the alternative of a user: OpenBao's transit engine with raft storage and a file audit device. */
export async function startTransitServer(folder: string): Promise<MeasuredServer> {
  const server = await startOpenBao()
  const { admin } = server
  await admin.enableTransit("transit")
  await admin.createTransitKey({ mount: "transit", name: "orders" })
  const headerFile = await written(folder, "openbao.header", `X-Vault-Token: ${server.rootToken}`)
  const plaintext = Buffer.alloc(32, 7).toString("base64")
  const batchInput = Array.from({ length: batchSize }, () => ({ plaintext }))
  return {
    name: "OpenBao transit, raft, file audit",
    processIds: [server.processId],
    single: {
      url: `${server.address}/v1/transit/datakey/plaintext/orders`,
      headerFile,
      bodyFile: await written(folder, "openbao.json", "{}"),
      check: "transit-data-key",
    },
    batch: {
      url: `${server.address}/v1/transit/encrypt/orders`,
      headerFile,
      bodyFile: await written(folder, "openbao-batch.json", JSON.stringify({ batch_input: batchInput })),
      check: "transit-batch",
    },
    stop: () => server.stop(),
  }
}

async function written(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, text, { mode: 0o600 })
  return file
}
