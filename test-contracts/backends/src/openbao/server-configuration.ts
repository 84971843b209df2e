import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { TestAuthority } from "../certificates.ts"

/**
 * Writes the configuration of one server into its folder.
 * @returns path of the file
 */
export async function writeConfiguration(
  folder: string,
  port: number,
  clusterPort: number,
  authority: TestAuthority | undefined,
  audit: boolean,
): Promise<string> {
  const dataFolder = join(folder, "data")
  const scheme = authority === undefined ? "http" : "https"
  await mkdir(dataFolder)
  // HCL: the server does not read an audit device out of a JSON configuration. A JSON string is an HCL string, too.
  const quoted = (text: string) => JSON.stringify(text)
  const configuration = [
    `storage "raft" {`,
    `  path = ${quoted(dataFolder)}`,
    `  node_id = "one"`,
    `  performance_multiplier = "1"`,
    `}`,
    `listener "tcp" {`,
    `  address = "127.0.0.1:${port}"`,
    `  cluster_address = "127.0.0.1:${clusterPort}"`,
    ...(authority === undefined ? ["  tls_disable = true"] : await tlsSettings(folder, authority)),
    `}`,
    `api_addr = "${scheme}://127.0.0.1:${port}"`,
    `cluster_addr = "https://127.0.0.1:${clusterPort}"`,
    ...(audit
      ? [`audit "file" "file" {`, `  options = { file_path = ${quoted(join(folder, "audit.log"))} }`, `}`]
      : []),
  ]
  const configFile = join(folder, "openbao.hcl")
  await writeFile(configFile, `${configuration.join("\n")}\n`)
  return configFile
}

async function tlsSettings(folder: string, authority: TestAuthority): Promise<readonly string[]> {
  const names = { commonName: "openbao", dnsNames: ["localhost"], addresses: ["127.0.0.1"] }
  const issued = await authority.issue(names)
  const certificateFile = join(folder, "server.crt")
  const keyFile = join(folder, "server.key")
  await writeFile(certificateFile, issued.certificate)
  await writeFile(keyFile, issued.privateKey, { mode: 0o600 })
  return [`  tls_cert_file = ${JSON.stringify(certificateFile)}`, `  tls_key_file = ${JSON.stringify(keyFile)}`]
}
