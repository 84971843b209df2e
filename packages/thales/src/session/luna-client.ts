import { type KeyObject, X509Certificate } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { CallOptions, PluginServices } from "@apeiro-cmk/plugin-interface"
import { configurationError, privateKeyOf } from "@apeiro-cmk/plugin-sdk"
import { makeOwnedFolder } from "./owned-folder.ts"

/** The tenant's files with which the Luna client connects to its appliances. */
export interface LunaClientFiles {
  readonly client_certificate: string
  readonly client_private_key: string
  readonly ca_certificate: string
}

/** Where a tenant's files are, and the time at which their certificates must be valid. */
export interface LunaClientSource {
  readonly paths: LunaClientFiles
  readonly files: PluginServices["files"]
  readonly nowMs: number
}

/** Options of {@link prepareLunaClient}. */
export interface LunaClientOptions extends LunaClientSource {
  readonly library: string
  readonly addresses: readonly string[]
  readonly port: number
}

/** Facts about a client certificate that has passed the checks. */
export interface ClientCertificateFacts {
  readonly validToMs: number
  /** Whether it is self-signed, as Luna's own tools make it, or signed by a certificate in `ca_certificate`. */
  readonly hasKnownIssuer: boolean
}

/** A client configuration for one process. */
export interface PreparedClient {
  readonly environment: Readonly<Record<string, string>>
  /** Removes the configuration, and the private key in it. */
  remove(): Promise<void>
}

const receiveTimeoutMs = 20_000

/**
 * Checks the tenant's certificate, its key and the appliances' certificates. Writes nothing.
 * @throws {PluginError} INVALID_REQUEST - `issues` names the file at fault
 */
export async function checkLunaClient(
  source: LunaClientSource,
  call: Pick<CallOptions, "tenantId" | "signal">,
): Promise<ClientCertificateFacts> {
  const read = await readLunaClient(source, call)
  read.client_private_key.fill(0)
  return read.facts
}

/**
 * Checks the tenant's certificate, its key and the appliances' certificates, and writes the Luna client's configuration
 * for one process to a folder that only this user can access (Luna HSM Client, "Configuration File Summary").
 *
 * @throws {PluginError} INVALID_REQUEST - `issues` names the file at fault
 */
export async function prepareLunaClient(
  options: LunaClientOptions,
  call: Pick<CallOptions, "tenantId" | "signal">,
): Promise<PreparedClient> {
  const { library, addresses, port } = options
  const read = await readLunaClient(options, call)
  const folder = await makeOwnedFolder()
  try {
    const place = (name: string) => join(folder.path, name)
    const write = (name: string, content: string | Buffer) => writeFile(place(name), content, { mode: 0o600 })
    await write("client.pem", read.client_certificate)
    await write("client-key.pem", read.client_private_key)
    await write("appliances.pem", read.ca_certificate)
    await write("Chrystoki.conf", chrystoki(library, addresses, port, place))
    return { environment: { ChrystokiConfigurationPath: folder.path }, remove: folder.remove }
  } catch (error) {
    await folder.remove()
    throw error
  } finally {
    read.client_private_key.fill(0)
  }
}

type LunaClientContent = { readonly [field in keyof LunaClientFiles]: Buffer } & {
  readonly facts: ClientCertificateFacts
}

async function readLunaClient(
  { paths, files, nowMs }: LunaClientSource,
  call: Pick<CallOptions, "tenantId" | "signal">,
): Promise<LunaClientContent> {
  const read = async (field: keyof LunaClientFiles) => {
    const bytes = await files.read(paths[field], call, sentNowhere).catch(() => {
      throw wrong(field, "names a file that cannot be read")
    })
    return Buffer.from(bytes)
  }
  const client_certificate = await read("client_certificate")
  const client_private_key = await read("client_private_key")
  const ca_certificate = await read("ca_certificate")
  const certificate = requireValid("client_certificate", client_certificate, nowMs)
  const authorities = certificatesIn(ca_certificate).map((pem) => requireValid("ca_certificate", pem, nowMs))
  if (!certificate.checkPrivateKey(keyOf(client_private_key)))
    throw wrong("client_private_key", "is not the key of client_certificate")
  const facts = {
    validToMs: Date.parse(certificate.validTo),
    hasKnownIssuer: hasKnownIssuer(certificate, [certificate, ...authorities]),
  }
  return { client_certificate, client_private_key, ca_certificate, facts }
}

/** @throws {PluginError} INVALID_REQUEST - the certificate names an issuer that did not sign it */
function hasKnownIssuer(certificate: X509Certificate, issuers: readonly X509Certificate[]): boolean {
  const named = issuers.filter((issuer) => issuer.subject === certificate.issuer)
  if (named.length === 0) return false
  if (named.some((issuer) => certificate.verify(issuer.publicKey))) return true
  throw wrong(
    "client_certificate",
    "is not signed by the issuer that it names, although ca_certificate contains that issuer",
  )
}

/** The library shows the certificate and signs with the key. */
const sentNowhere = { servers: [], allowedEndpoints: [] }

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function certificatesIn(pem: Buffer): readonly Buffer[] {
  const blocks = pem.toString("latin1").match(certificateBlock) ?? []
  return blocks.length === 0 ? [pem] : blocks.map((block) => Buffer.from(block, "latin1"))
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

function requireValid(field: keyof LunaClientFiles, pem: Buffer, nowMs: number): X509Certificate {
  const certificate = certificateOf(field, pem)
  if (Date.parse(certificate.validTo) <= nowMs) throw wrong(field, "has expired")
  if (Date.parse(certificate.validFrom) > nowMs) throw wrong(field, "is not yet valid")
  return certificate
}

function certificateOf(field: keyof LunaClientFiles, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw wrong(field, "names a file that does not contain a certificate in PEM format") // OpenSSL's message does not name the field
  }
}

function keyOf(pem: Buffer): KeyObject {
  try {
    return privateKeyOf(pem)
  } catch {
    throw wrong("client_private_key", "names a file that does not contain exactly one unencrypted key in PEM format") // OpenSSL's message may quote it
  }
}

function wrong(field: keyof LunaClientFiles, message: string) {
  return configurationError([{ path: [field], message }])
}
