import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { createOneTimeCertificate, readHandshake, writeHandshake } from "../src/index.ts"

const { raw } = createOneTimeCertificate()
const encoded = raw.toString("base64").replaceAll("=", "")
const good = `1|1|unix|/tmp/plugin1/socket|grpc|${encoded}`

describe("the handshake line", () => {
  it.each([
    ["a socket with a certificate", good, true, { network: "unix", address: "/tmp/plugin1/socket", certificate: raw }],
    ["the answer about multiplexing", `${good}|false`, true, { network: "unix" }],
    ["a line that ends as on Windows", `${good}\r\n`, true, { certificate: raw }],
    ["a port on this machine", `1|1|tcp|127.0.0.1:10001|grpc|${encoded}`, true, { address: "127.0.0.1:10001" }],
    ["no certificate where none is wanted", "1|1|unix|/s|grpc|", false, { address: "/s" }],
    ["the shortest possible line", "1|1|unix|/s|grpc", false, { address: "/s" }],
  ])("is read: %s", (_name, line, needsCertificate, expected) => {
    expect(readHandshake(line, needsCertificate)).toMatchObject(expected)
  })

  it.each([
    ["too few fields", "hello", /has 1 of at least 4 fields/],
    ["nothing", "", /has 1 of at least 4 fields/],
    ["garbage with bars", "a|b|c|d", /core protocol "a"/],
    ["another core protocol", good.replace("1|1", "2|1"), /core protocol "2", not 1/],
    ["another plugin protocol", good.replace("1|1", "1|7"), /plugin protocol "7", not 1/],
    ["another network", good.replace("unix", "pipe"), /network "pipe", not unix or tcp/],
    ["a relative path", good.replace("/tmp/plugin1/socket", "socket"), /not absolute/],
    ["a path that no socket can have", good.replace("socket", "s".repeat(120)), /more than 107 bytes/],
    ["the protocol left out", "1|1|unix|/s", /speaks "netrpc", not grpc/],
    ["another protocol", good.replace("grpc", "netrpc"), /speaks "netrpc", not grpc/],
    ["an address elsewhere", `1|1|tcp|192.0.2.1:10001|grpc|${encoded}`, /not on this machine/],
    ["an invalid port", `1|1|tcp|127.0.0.1:0|grpc|${encoded}`, /not on this machine/],
    ["no certificate", "1|1|unix|/s|grpc|", /has no certificate/],
    ["a certificate with padding", `${good}==`, /with padding/],
    ["a certificate that is not base64", `1|1|unix|/s|grpc|${"!".repeat(60)}`, /not base64/],
    ["base64 that is not a certificate", `1|1|unix|/s|grpc|${"QUFB".repeat(30)}`, /cannot be read/],
    ["multiplexing", `${good}|true`, /multiplex/],
    ["a line that does not end", "x".repeat(70_000), /longer than 64 KiB/],
  ])("is refused: %s", (_name, line, message) => {
    expect(() => readHandshake(line, true)).toThrow(message)
  })

  it("is written as it is read, on one line", () => {
    const handshake = { network: "unix", address: "/run/p/s", certificate: raw } as const
    for (const offersMultiplexing of [true, false]) {
      const line = writeHandshake(handshake, offersMultiplexing)
      expect(line).toMatch(/^1\|1\|unix\|\/run\/p\/s\|grpc\|[A-Za-z0-9+/]+(\|false)?\n$/)
      expect(line.split("|")).toHaveLength(offersMultiplexing ? 7 : 6)
      expect(readHandshake(line, true)).toEqual(handshake)
    }
  })
})

describe("the one-time certificate", () => {
  it("passes OpenSSL's strictest checks, for servers and for clients", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "certificate-"))
    const file = path.join(folder, "certificate.pem")
    writeFileSync(file, createOneTimeCertificate().certificate)
    try {
      for (const purpose of ["sslserver", "sslclient"]) {
        const options = [
          "verify",
          "-x509_strict",
          "-purpose",
          purpose,
          "-verify_hostname",
          "localhost",
          "-CAfile",
          file,
          file,
        ]
        expect(execFileSync("openssl", options).toString()).toContain("OK")
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("is new each time, valid now and for decades, with a year that its format allows", () => {
    const certificates = Array.from({ length: 50 }, () => new X509Certificate(createOneTimeCertificate().certificate))
    expect(new Set(certificates.map(({ serialNumber }) => serialNumber)).size).toBe(50)
    for (const { serialNumber, validFrom, validTo, subjectAltName, ca } of certificates) {
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/)
      expect(Date.parse(validFrom)).toBeLessThan(Date.now())
      expect(Date.parse(validTo)).toBeGreaterThan(Date.now() + 29 * 365 * 24 * 3_600_000)
      expect([subjectAltName, ca]).toEqual(["DNS:localhost", true])
    }
    const early = new X509Certificate(createOneTimeCertificate(Date.parse("2010-01-01T00:00:00Z")).certificate)
    expect(early.validTo).toContain("2040")
  })
})
