import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type LogSink, logSink } from "@apeiro-cmk/plugin-sdk/testing"
import { createHost, type HostOverrides } from "../src/host.ts"
import { type HostClient, hostClient } from "./host-client.ts"

/** A folder with a profile, from which the plugins can be resolved, and with room for data. */
export interface TestFolder {
  readonly path: string
  readonly profilePath: string
  readonly dataDirectory: string
  remove(): Promise<void>
}

/** Options of a profile for tests. */
export interface FolderOptions {
  /** Without the local keystore under `production`, which refuses it. Default `development`. */
  readonly mode?: "development" | "production"
  readonly keyNames?: readonly string[]
  readonly openBao?: { readonly endpoint: string }
  /** Entries of further plugins. */
  readonly plugins?: readonly object[]
  /** Bounds of the API listener. */
  readonly api?: object
  readonly quotas?: object
  /** A PostgreSQL URL with its password. Default: an SQLite file in the folder. */
  readonly databaseUrl?: string
  /** Another host's folder, whose root key and L1 keys this host shares, as the hosts of one database must. */
  readonly besides?: TestFolder
}

const profilesFolder = dirname(createRequire(import.meta.url).resolve("@apeiro-cmk/profiles/package.json"))

/** Makes a {@link TestFolder}: local-keystore with two keys, free ports. */
export async function testFolder(options: FolderOptions = {}): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), "host-"))
  await symlink(join(profilesFolder, "node_modules"), join(path, "node_modules"))
  const dataDirectory = join(path, "data")
  const mode = options.mode ?? "development"
  const keyFolder = options.besides?.dataDirectory ?? dataDirectory
  const profile = {
    mode,
    dataDirectory,
    credentialStore: { root: join(keyFolder, "credential-root.key") },
    ...(options.databaseUrl === undefined ? {} : { persistence: await postgresPersistence(path, options.databaseUrl) }),
    listeners: { api: { port: 0, ...options.api }, operations: { port: 0 } },
    ...(options.quotas === undefined ? {} : { quotas: options.quotas }),
    plugins: [
      ...(mode === "production" ? [] : [localKeystorePlugin(keyFolder, options)]),
      {
        name: "openbao",
        type: "keystore",
        package: "@apeiro-cmk/openbao",
        configuration: {
          allowedEndpoints: ["https://*", ...(options.openBao === undefined ? [] : [options.openBao.endpoint])],
          allowedAddresses: options.openBao === undefined ? [] : ["127.0.0.0/8"],
        },
      },
      ...(options.plugins ?? []),
    ],
  }
  const profilePath = join(path, "profile.yaml")
  // JSON is YAML.
  await writeFile(profilePath, JSON.stringify(profile, undefined, 2))
  return { path, profilePath, dataDirectory, remove: () => rm(path, { recursive: true, force: true }) }
}

function localKeystorePlugin(keyFolder: string, { keyNames = ["default", "second"] }: FolderOptions) {
  const configuration = { keyFile: join(keyFolder, "local-keystore.key"), keyNames }
  return { name: "local-keystore", type: "keystore", package: "@apeiro-cmk/local-keystore", configuration }
}

/** Makes the part of a profile that names a PostgreSQL; the password goes into a file of the folder. */
export async function postgresPersistence(folder: string, databaseUrl: string) {
  const url = new URL(databaseUrl)
  await writeFile(join(folder, "database-password"), `${url.password}\n`, { mode: 0o600 })
  url.password = ""
  return { url: url.href, password: { source: "file", file: { path: "database-password" } }, maximumConnections: 5 }
}

/** A running host in this process, and the means to inspect it. */
export interface TestHost {
  readonly folder: TestFolder
  readonly url: string
  readonly operationsUrl: string
  /** Sends as the platform's administrator. */
  readonly administrator: HostClient
  readonly log: LogSink
  client(token?: string): HostClient
  /** Stops the host and keeps its folder. */
  stop(): Promise<void>
  /** Stops the host and removes its folder. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a host in this process, on free ports. */
export async function startTestHost(
  overrides: HostOverrides = {},
  folderOrOptions: TestFolder | FolderOptions = {},
): Promise<TestHost> {
  const folder = "profilePath" in folderOrOptions ? folderOrOptions : await testFolder(folderOrOptions)
  const log = logSink()
  const settings = { replica: "test", ...overrides }
  const host = createHost({ profilePath: folder.profilePath, environment: {}, logger: log, overrides: settings })
  const addresses = await host.start()
  const token = await administratorToken(folder)
  return {
    folder,
    url: addresses.apiUrl,
    operationsUrl: addresses.operationsUrl,
    administrator: hostClient(addresses.apiUrl, token),
    log,
    client: (other) => hostClient(addresses.apiUrl, other),
    stop: () => host.stop(),
    [Symbol.asyncDispose]: async () => {
      await host.stop()
      await folder.remove()
    },
  }
}

/** Reads the administrator's token from its header file. */
export async function administratorToken(folder: Pick<TestFolder, "dataDirectory">): Promise<string> {
  const line = await readFile(join(folder.dataDirectory, "administrator.header"), "utf8")
  return line.trim().replace("Authorization: Bearer ", "")
}
