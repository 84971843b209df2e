import { createHash, X509Certificate } from "node:crypto"
import type { CallOptions, PluginError, PluginServices, TlsOptions } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../../errors/error-facts.ts"
import { fileError } from "../../files/tenant-path.ts"
import { certificatesOf, isCertificateBundle } from "./certificates.ts"
import { privateKeyOf } from "./private-key.ts"
import type { TlsConfiguration } from "./tls-configuration.ts"

/** The client's side of TLS with the server, as configuration and files state it at one moment. */
export interface TlsIdentity {
  readonly tls: TlsOptions
  /** Changes whenever any of it does. */
  readonly digest: string
  /** SHA-256 of the client certificate; empty without one. */
  readonly fingerprint: string
  /** End of the client certificate's validity, milliseconds since the Unix epoch. */
  readonly expiresAtMs?: number
}

/** A private key signs here, and neither it nor a certificate is worth anything to the server that sees the signature. */
const sentNowhere = { servers: [], allowedEndpoints: [] }

type ReadCall = Pick<CallOptions, "tenantId" | "signal">

/**
 * Makes the reader of one keystore's TLS identity.
 * @returns a function that reads everything again, and rejects with INVALID_REQUEST for a text that is not PEM, or a key
 * that does not belong to its certificate
 */
export function tlsIdentityReader(
  configuration: TlsConfiguration,
  files: PluginServices["files"],
): (call: ReadCall) => Promise<TlsIdentity> {
  const { ca_certificate_path, client_certificate_path, client_key, client_key_path } = configuration
  let storedKey: { readonly version: string; readonly pem: string } | undefined

  async function text(field: string, path: string, call: ReadCall): Promise<string> {
    const bytes = await files.read(path, call, sentNowhere).catch((error: unknown) => {
      throw fileError(error, field)
    })
    try {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
    } finally {
      bytes.fill(0)
    }
  }

  async function certificates(name: string, given: string | undefined, path: string | undefined, call: ReadCall) {
    const pem = path === undefined ? given : await text(name, path, call)
    if (pem === undefined) return undefined
    if (!isCertificateBundle(pem)) throw unreadable(`The file that ${name} names has no certificates as PEM text.`)
    // OpenSSL overlooks a certificate that begins on the line on which another ends.
    return certificatesOf(pem).join("\n")
  }

  async function privateKey(call: ReadCall): Promise<string | undefined> {
    if (client_key_path !== undefined) return text("client_key_path", client_key_path, call)
    if (client_key === undefined) return undefined
    if (storedKey?.version !== client_key.version) {
      const bytes = await client_key.read(call.signal)
      storedKey = { version: client_key.version, pem: Buffer.from(bytes).toString("utf8") }
      bytes.fill(0)
    }
    return storedKey.pem
  }

  return async (call) => {
    const [certificateAuthority, certificate, key] = await Promise.all([
      certificates("ca_certificate_path", configuration.ca_certificate, ca_certificate_path, call),
      certificates("client_certificate_path", configuration.client_certificate, client_certificate_path, call),
      privateKey(call),
    ])
    const tls = {
      ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
      ...(certificate === undefined || key === undefined ? {} : { certificate, privateKey: key }),
    }
    const digest = createHash("sha256").update(JSON.stringify(tls)).digest("hex")
    const leaf = certificate === undefined ? undefined : certificatesOf(certificate)[0]
    if (leaf === undefined || key === undefined) return { tls, digest, fingerprint: "" }
    const parsed = new X509Certificate(leaf)
    if (!belongs(parsed, key)) {
      throw unreadable(
        "The private key cannot be read, is not the only one, or does not belong to the client certificate.",
      )
    }
    return { tls, digest, fingerprint: parsed.fingerprint256, expiresAtMs: Date.parse(parsed.validTo) }
  }
}

function belongs(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(privateKeyOf(key))
  } catch {
    return false // not a key: the error says so, without the parser's message
  }
}

function unreadable(message: string): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    message,
    "Give certificate and key as PEM text that belongs together: one key, without a passphrase.",
  )
}
