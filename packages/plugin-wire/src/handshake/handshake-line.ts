import { X509Certificate } from "node:crypto"
import { isAbsolute } from "node:path"
import { certificatePem } from "./one-time-certificate.ts"

/** Contents of a plugin's first line: where it listens, and which certificate it will show. */
export interface Handshake {
  readonly network: "unix" | "tcp"
  /** Absolute path of the socket, or `127.0.0.1:port`. */
  readonly address: string
  /** DER of the plugin's certificate; absent without AutoMTLS. */
  readonly certificate?: Uint8Array
}

/** The first line cannot be used; the message tells an operator why. */
export class HandshakeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "HandshakeError"
  }
}

/** Version of go-plugin's core protocol. */
export const coreProtocolVersion = 1

/** Version of the services that OpenKCM offers. */
export const pluginProtocolVersion = 1

/** Longest line that a Go host reads, in bytes. */
export const longestHandshakeBytes = 65_536
const longestSocketPathBytes = 107

/**
 * Writes a plugin's first line.
 *
 * @param offersMultiplexing - the host asked whether the plugin can multiplex; older hosts must not see the answer
 */
export function writeHandshake({ network, address, certificate }: Handshake, offersMultiplexing: boolean): string {
  const encoded = certificate === undefined ? "" : Buffer.from(certificate).toString("base64").replaceAll("=", "")
  const fields = [coreProtocolVersion, pluginProtocolVersion, network, address, "grpc", encoded]
  return `${[...fields, ...(offersMultiplexing ? ["false"] : [])].join("|")}\n`
}

/**
 * Reads a plugin's first line.
 *
 * @param needsCertificate - the host has sent its own certificate, so the plugin must show one
 * @throws {HandshakeError} the line cannot be used
 */
export function readHandshake(line: string, needsCertificate: boolean): Handshake {
  if (Buffer.byteLength(line) > longestHandshakeBytes) throw wrong("is longer than 64 KiB")
  const fields = line.trim().split("|")
  const [core, version, network, address = "", protocol, encoded = "", multiplexing = "false"] = fields
  if (fields.length < 4)
    throw wrong(
      `has ${fields.length} of at least 4 fields: this is not a go-plugin executable, or it printed something before`,
    )
  if (core !== String(coreProtocolVersion))
    throw wrong(`speaks core protocol ${shown(core)}, not ${coreProtocolVersion}`)
  if (version !== String(pluginProtocolVersion)) {
    throw wrong(`speaks plugin protocol ${shown(version)}, not ${pluginProtocolVersion}`)
  }
  if (network !== "unix" && network !== "tcp") throw wrong(`listens on the network ${shown(network)}, not unix or tcp`)
  if (protocol !== "grpc") throw wrong(`speaks ${shown(protocol === undefined ? "netrpc" : protocol)}, not grpc`)
  if (network === "unix" && !isAbsolute(address)) throw wrong("names a socket by a path that is not absolute")
  if (network === "unix" && Buffer.byteLength(address) > longestSocketPathBytes) {
    throw wrong(`names a socket by a path of more than ${longestSocketPathBytes} bytes`)
  }
  if (network === "tcp" && !isLoopback(address)) throw wrong("listens at an address that is not on this machine")
  if (multiplexing !== "false" && multiplexing !== "")
    throw wrong("asks for multiplexing, which the host did not offer")
  if (encoded === "" && !needsCertificate) return { network, address }
  if (encoded === "") throw wrong("has no certificate, although the host has sent one (AutoMTLS)")
  return { network, address, certificate: readCertificate(encoded) }
}

function readCertificate(encoded: string): Uint8Array {
  if (encoded.includes("=")) throw wrong("has a certificate with padding, which Go hosts refuse")
  const raw = Buffer.from(encoded, "base64")
  if (raw.toString("base64").replaceAll("=", "") !== encoded) throw wrong("has a certificate that is not base64")
  try {
    new X509Certificate(certificatePem(raw))
  } catch (error) {
    throw wrong("has a certificate that cannot be read", { cause: error })
  }
  return raw
}

function isLoopback(address: string): boolean {
  const port = /^127\.0\.0\.1:(\d{1,5})$/.exec(address)?.[1]
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536
}

function shown(field: string | undefined): string {
  return JSON.stringify((field ?? "").slice(0, 40))
}

function wrong(what: string, options?: ErrorOptions): HandshakeError {
  return new HandshakeError(`The plugin's first line ${what}.`, options)
}
