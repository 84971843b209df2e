import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { addressRule, isAddressRange } from "../src/egress/address-rules.ts"

const nothingMore = addressRule([])

describe("addresses that connections may go to", () => {
  it("are the public ones", () => {
    for (const address of ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:1.1.1.1"]) {
      expect(nothingMore(address), address).toBe(true)
    }
  })

  it("are not those of any special range", () => {
    for (const address of [
      "0.0.0.0",
      "0.1.2.3",
      "10.0.0.1",
      "100.64.0.1",
      "127.0.0.1",
      "127.255.255.255",
      "169.254.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.0.0.1",
      "192.0.2.1",
      "192.88.99.1",
      "192.168.0.1",
      "198.18.0.1",
      "198.51.100.1",
      "203.0.113.1",
      "224.0.0.1",
      "240.0.0.1",
      "255.255.255.255",
      "::",
      "::1",
      "::7f00:1",
      "::ffff:127.0.0.1",
      "::ffff:0:7f00:1",
      "64:ff9b::a00:1",
      "64:ff9b:1::1",
      "100::1",
      "2001::1",
      "2001:db8::1",
      "2002:7f00:1::1",
      "3fff::1",
      "5f00::1",
      "fc00::1",
      "fd12::1",
      "fe80::1",
      "fe80::1%eth0",
      "fec0::1",
      "ff02::1",
      "1::1",
    ]) {
      expect(nothingMore(address), address).toBe(false)
    }
  })

  it("are not texts other than a plain numeric address", () => {
    for (const text of [
      "",
      "localhost",
      "0x7f.1",
      "2130706433",
      "127.1",
      "010.0.0.1",
      "1.1.1.1 ",
      "1.1.1.1/32",
      "[::1]",
      "::1%",
    ]) {
      expect(nothingMore(text), text).toBe(false)
    }
  })

  it("include a private one that a range covers, and only that", () => {
    const rule = addressRule(["10.20.0.0/16", "fd12::/64", "192.168.1.7"])
    for (const address of ["10.20.255.1", "::ffff:10.20.0.1", "fd12::99", "192.168.1.7"])
      expect(rule(address), address).toBe(true)
    for (const address of ["10.21.0.1", "fd12:1::1", "192.168.1.8", "127.0.0.1"])
      expect(rule(address), address).toBe(false)
  })

  it("include a metadata address only where it is listed on its own", () => {
    const wide = addressRule(["0.0.0.0/0", "::/0", "169.254.0.0/16", "169.254.169.254/31"])
    for (const address of [
      "169.254.169.254",
      "::ffff:169.254.169.254",
      "64:ff9b::a9fe:a9fe",
      "::a9fe:a9fe",
      "::ffff:0:a9fe:a9fe",
      "169.254.170.2",
      "168.63.129.16",
      "100.100.100.200",
      "fd00:ec2::254",
      "fd00:ec2::254%eth0",
    ]) {
      expect(wide(address), address).toBe(false)
      expect(nothingMore(address), address).toBe(false)
    }
    expect(wide("127.0.0.1")).toBe(true)
    expect(addressRule(["169.254.169.254/32"])("169.254.169.254")).toBe(true)
    expect(addressRule(["fd00:ec2::254"])("fd00:ec2::254")).toBe(true)
  })

  it("never depend on the spelling of an IPv4 address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const mapped = `::ffff:${address}`
        expect(nothingMore(mapped)).toBe(nothingMore(address))
      }),
    )
  })

  it("are decided for any text without throwing", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended()),
        (text) => typeof nothingMore(text) === "boolean",
      ),
    )
  })
})

describe("address ranges", () => {
  it("are in CIDR notation or single addresses", () => {
    for (const range of ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.1", "::/0", "fd12::/64", "::ffff:10.0.0.0/104"]) {
      expect(isAddressRange(range), range).toBe(true)
    }
    for (const range of [
      "",
      "10.0.0.0/33",
      "10.0.0.0/",
      "10.0.0.0/-1",
      "10.0.0.0/8/8",
      "10.0/8",
      "fd12::/129",
      "::ffff:10.0.0.0/8",
      "all",
    ]) {
      expect(isAddressRange(range), range).toBe(false)
    }
  })
})
