import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { startTestHost, type TestHost } from "../test-host.ts"
import { type Cli, cliOf } from "./run-cli.ts"

/** A host, its command line, and a folder for files. */
export interface Workspace {
  readonly host: TestHost
  readonly cli: Cli
  /** Path of a file in the folder. */
  file(name: string): string
  /** Writes a file: text as it is, anything else as JSON. @returns its path */
  write(name: string, content: unknown): Promise<string>
}

/** Starts a host with a {@link Workspace}; the caller disposes of the host. */
export async function workspace(): Promise<Workspace> {
  const host = await startTestHost()
  const file = (name: string) => join(host.folder.path, name)
  const write = async (name: string, content: unknown) => {
    await writeFile(file(name), typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 })
    return file(name)
  }
  return { host, cli: cliOf(host), file, write }
}

/** The document of an OpenBao keystore that no test reaches. */
export const farOpenBao = (configuration: Readonly<Record<string, unknown>> = {}) => ({
  plugin_type: "openbao",
  plugin_name: "far",
  configuration: {
    vault_address: "https://127.0.0.1:9",
    auth_method: "approle",
    role_id: "role-1",
    secret_id_path: "/etc/openkcm/secret-id",
    mount_path: "openkcm-keys",
    key_name: "l1",
    ...configuration,
  },
})
