import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { TestAuthority } from "../certificates.ts"

/** Settings of {@link writeConfiguration}. */
export interface ConfigurationSettings {
  readonly folder: string
  readonly port: number
  readonly clusterPort: number
  /** Port at which the other nodes of the cluster reach it. */
  readonly advertisedPort: number
  readonly performanceMultiplier: number
  readonly standbyReads: boolean
  /** Issues the server's certificate; without it the server speaks plain HTTP. */
  readonly authority: TestAuthority | undefined
  /** Refuses connections without a client certificate of the authority. */
  readonly requireClientCertificate: boolean
  readonly audit: boolean
  readonly nodeId: string
}

/**
 * Writes the configuration of one server into its folder.
 * @returns path of the file
 */
export async function writeConfiguration(settings: ConfigurationSettings): Promise<string> {
  const { folder, port, clusterPort, authority, audit } = settings
  const dataFolder = join(folder, "data")
  const scheme = authority === undefined ? "http" : "https"
  await mkdir(dataFolder)
  // HCL: the server does not read an audit device from a JSON configuration. A JSON string is also an HCL string.
  const quoted = (text: string) => JSON.stringify(text)
  const configuration = [
    `storage "raft" {`,
    `  path = ${quoted(dataFolder)}`,
    `  node_id = ${quoted(settings.nodeId)}`,
    `  performance_multiplier = "${settings.performanceMultiplier}"`,
    `}`,
    `listener "tcp" {`,
    `  address = "127.0.0.1:${port}"`,
    `  cluster_address = "127.0.0.1:${clusterPort}"`,
    ...(authority === undefined ? ["  tls_disable = true"] : await tlsSettings(folder, authority)),
    ...(settings.requireClientCertificate
      ? [
          `  tls_require_and_verify_client_cert = true`,
          `  tls_client_ca_file = ${quoted(join(folder, "client-ca.crt"))}`,
        ]
      : []),
    `}`,
    `api_addr = "${scheme}://127.0.0.1:${port}"`,
    `cluster_addr = "https://127.0.0.1:${settings.advertisedPort}"`,
    ...(settings.standbyReads ? [] : ["disable_standby_reads = true"]),
    ...(audit
      ? [`audit "file" "file" {`, `  options = { file_path = ${quoted(join(folder, "audit.log"))} }`, `}`]
      : []),
  ]
  const configFile = join(folder, "openbao.hcl")
  await writeFile(configFile, `${configuration.join("\n")}\n`)
  return configFile
}

async function tlsSettings(folder: string, authority: TestAuthority): Promise<readonly string[]> {
  await writeFile(join(folder, "client-ca.crt"), authority.certificate)
  const { certificateFile, keyFile } = await writeServerCertificate(folder, authority)
  return [`  tls_cert_file = ${JSON.stringify(certificateFile)}`, `  tls_key_file = ${JSON.stringify(keyFile)}`]
}

/** Writes a new server certificate to the path that the configuration names. @returns the paths and the certificate */
export async function writeServerCertificate(folder: string, authority: TestAuthority) {
  const names = { commonName: "openbao", dnsNames: ["localhost"], addresses: ["127.0.0.1"] }
  const { certificate, privateKey } = await authority.issue(names)
  const certificateFile = join(folder, "server.crt")
  const keyFile = join(folder, "server.key")
  await writeFile(certificateFile, certificate)
  await writeFile(keyFile, privateKey, { mode: 0o600 })
  return { certificateFile, keyFile, certificate }
}
