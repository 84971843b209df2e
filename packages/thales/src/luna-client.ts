import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CallOptions, PluginServices } from "@apeiro-cmk/plugin-interface"
import { configurationError } from "@apeiro-cmk/plugin-sdk"

/** Files of the tenant by which the Luna client speaks with its appliances. */
export interface LunaClientFiles {
  readonly client_certificate: string
  readonly client_private_key: string
  readonly ca_certificate: string
}

/** What {@link prepareLunaClient} needs. */
export interface LunaClientOptions {
  readonly library: string
  readonly addresses: readonly string[]
  readonly port: number
  readonly paths: LunaClientFiles
  readonly files: PluginServices["files"]
  readonly nowMs: number
}

/** A client configuration that belongs to one process. */
export interface PreparedClient {
  readonly environment: Readonly<Record<string, string>>
  /** Removes it, with the private key in it. */
  remove(): Promise<void>
}

const receiveTimeoutMs = 20_000

/**
 * Checks the tenant's certificate, its key and the appliances' certificates, and writes the Luna client's configuration
 * for one process: in a folder that only this user may enter (Luna HSM Client, "Configuration File Summary").
 *
 * @throws {PluginError} INVALID_REQUEST - `issues` says which file is wrong
 */
export async function prepareLunaClient(
  { library, addresses, port, paths, files, nowMs }: LunaClientOptions,
  call: Pick<CallOptions, "tenantId" | "signal">,
): Promise<PreparedClient> {
  const read = async (field: keyof LunaClientFiles) => {
    const bytes = await files.read(paths[field], call).catch(() => {
      throw wrong(field, "names a file that cannot be read")
    })
    return Buffer.from(bytes)
  }
  const [certificate, privateKey, authority] = [
    await read("client_certificate"),
    await read("client_private_key"),
    await read("ca_certificate"),
  ]
  const folder = await mkdtemp(join(tmpdir(), "apeiro-cmk-luna-"))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    requireMatching(certificate, privateKey, nowMs)
    requireValid("ca_certificate", authority, nowMs)
    const place = (name: string) => join(folder, name)
    const write = (name: string, content: string | Buffer) => writeFile(place(name), content, { mode: 0o600 })
    await write("client.pem", certificate)
    await write("client-key.pem", privateKey)
    await write("appliances.pem", authority)
    await write("Chrystoki.conf", chrystoki(library, addresses, port, place))
    return { environment: { ChrystokiConfigurationPath: folder }, remove }
  } catch (error) {
    await remove()
    throw error
  } finally {
    privateKey.fill(0)
  }
}

function chrystoki(
  library: string,
  addresses: readonly string[],
  port: number,
  place: (name: string) => string,
): string {
  const servers = addresses.flatMap((address, index) => {
    const number = String(index).padStart(2, "0")
    return [`  ServerName${number} = ${address};`, `  ServerPort${number} = ${port};`, `  ServerHtl${number} = 0;`]
  })
  return [
    ...["Chrystoki2 = {", `  LibUNIX64 = ${library};`, "}"],
    "LunaSA Client = {",
    "  NetClient = 1;",
    `  ReceiveTimeout = ${receiveTimeoutMs};`,
    `  ClientCertFile = ${place("client.pem")};`,
    `  ClientPrivKeyFile = ${place("client-key.pem")};`,
    `  ServerCAFile = ${place("appliances.pem")};`,
    ...servers,
    "}",
    "",
  ].join("\n")
}

function requireMatching(certificatePem: Buffer, keyPem: Buffer, nowMs: number): void {
  const certificate = requireValid("client_certificate", certificatePem, nowMs)
  if (!certificate.checkPrivateKey(keyOf(keyPem))) {
    throw wrong("client_private_key", "is not the key of client_certificate")
  }
}

function requireValid(field: keyof LunaClientFiles, pem: Buffer, nowMs: number): X509Certificate {
  const certificate = certificateOf(field, pem)
  if (Date.parse(certificate.validTo) <= nowMs) throw wrong(field, "has expired")
  if (Date.parse(certificate.validFrom) > nowMs) throw wrong(field, "is not valid yet")
  return certificate
}

function certificateOf(field: keyof LunaClientFiles, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw wrong(field, "names a file that holds no certificate as PEM") // OpenSSL's words name no field
  }
}

function keyOf(pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw wrong("client_private_key", "names a file that holds no unencrypted key as PEM") // OpenSSL's words may quote it
  }
}

function wrong(field: keyof LunaClientFiles, message: string) {
  return configurationError([{ path: [field], message }])
}
