import ipaddr from "ipaddr.js"

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = readonly [Address, number]

/**
 * Addresses at which clouds give credentials to any process that asks from inside. A range never allows them, not even
 * `0.0.0.0/0`: only that exact address does. Sources: AWS EC2 (IMDS), ECS and EKS user guides; Azure "IP address
 * 168.63.129.16"; Google Cloud uses 169.254.169.254; Alibaba Cloud ECS metadata; Oracle Cloud iSCSI and IMDS.
 */
const metadataAddresses: readonly string[] = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
]

/** RFC 4291 §2.4: all global unicast addresses that IANA assigns lie here. Outside are mapped, translated, local ... */
const globalUnicastV6: Range = ipaddr.IPv6.parseCIDR("2000::/3")

/** Prefixes that carry an IPv4 address in their last 32 bits: RFC 6052, RFC 6145, IPv4-compatible (RFC 4291 §2.5.5.1). */
const embeddingPrefixes: readonly Range[] = ["64:ff9b::/96", "::ffff:0:0:0/96", "::/96"].map((text) =>
  ipaddr.IPv6.parseCIDR(text),
)

/**
 * Compiles the rule for the addresses that a connection may go to: global unicast always; private, loopback, link-local,
 * shared, multicast, reserved, translated and every other special range only where `allowedAddresses` covers it.
 *
 * @param allowedAddresses - ranges in CIDR notation, or single addresses
 * @returns the rule, for numeric addresses as a resolver gives them; anything else is refused
 * @throws {Error} a range is malformed
 */
export function addressRule(allowedAddresses: readonly string[]): (address: string) => boolean {
  const ranges = allowedAddresses.map(parseRange)
  return (text) => {
    const address = parseAddress(text)
    if (address === undefined) return false
    const covering = ranges.filter((range) => contains(range, address))
    if (isMetadata(address)) return covering.some(([base, bits]) => bits === base.toByteArray().length * 8)
    return isGlobalUnicast(address) || covering.length > 0
  }
}

/** Tells whether a text is a range for {@link addressRule}. */
export function isAddressRange(text: string): boolean {
  try {
    parseRange(text)
    return true
  } catch {
    // The parser reports a bad range only by throwing.
    return false
  }
}

/** Parses a numeric address; an IPv4 address that is mapped into IPv6 is the IPv4 address. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  return ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined
}

function parseRange(text: string): Range {
  const [base = "", bits, ...rest] = text.split("/")
  const address = parseAddress(base)
  if (address === undefined || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) {
    throw new Error("An allowed address range must be in CIDR notation.")
  }
  const longest = address.toByteArray().length * 8
  // `::ffff:10.0.0.0/104` counts its bits in IPv6.
  const mapped = ipaddr.IPv6.isValid(base) && address.kind() === "ipv4" ? 96 : 0
  const prefix = bits === undefined ? longest : Number(bits) - mapped
  if (prefix < 0 || prefix > longest)
    throw new Error("An allowed address range has a prefix that is too long or short.")
  return [address, prefix]
}

function contains([base, bits]: Range, address: Address): boolean {
  return base.kind() === address.kind() && address.match([base, bits] as never)
}

function isGlobalUnicast(address: Address): boolean {
  return address.range() === "unicast" && (address.kind() === "ipv4" || contains(globalUnicastV6, address))
}

function isMetadata(address: Address): boolean {
  const spellings = [address, ...embedded(address)]
  return spellings.some((each) => metadataAddresses.includes(withoutZone(each)))
}

function embedded(address: Address): Address[] {
  const bytes = address.toByteArray()
  if (!embeddingPrefixes.some((prefix) => contains(prefix, address))) return []
  return [ipaddr.fromByteArray(bytes.slice(12))]
}

function withoutZone(address: Address): string {
  return address.toString().split("%", 1).join()
}
