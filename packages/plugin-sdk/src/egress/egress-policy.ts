import { isIP } from "node:net"
import type { EgressPolicy } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { configurationError } from "../configuration/configuration.ts"
import { parseUrl } from "../configuration/endpoint.ts"
import { pluginError } from "../errors/error-facts.ts"
import { addressRule, isAddressRange } from "./address-rules.ts"

/** One parsed entry of `allowedEndpoints`. */
interface EndpointPattern {
  readonly protocol: "http:" | "https:"
  /** `*` for any host, else lower-case labels of which the first may be `*`. */
  readonly host: string
  /** `*` for any port. */
  readonly port: string
}

const patternSyntax = /^(https?):\/\/(\[[0-9a-f:.]+\]|\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(\d{1,5}|\*))?\/?$/i

function parsePattern(text: string): EndpointPattern | undefined {
  const match = patternSyntax.exec(text)
  const [, scheme, host, port] = match ?? []
  if (scheme === undefined || host === undefined) return undefined
  const protocol = scheme.toLowerCase() === "https" ? "https:" : "http:"
  // Plain HTTP exposes credentials to the network: the operator names each host for which that is acceptable.
  if (protocol === "http:" && host.startsWith("*")) return undefined
  if (port !== undefined && port !== "*" && Number(port) > 65_535) return undefined
  const anyPort = host === "*" ? "*" : protocol === "https:" ? "443" : "80"
  const canonicalHost = host.startsWith("*") ? host.toLowerCase() : URL.parse(`http://${host}/`)?.hostname
  if (canonicalHost === undefined) return undefined
  return {
    protocol,
    host: canonicalHost,
    port: port === undefined ? anyPort : port === "*" ? "*" : String(Number(port)),
  }
}

function matches(pattern: EndpointPattern, url: URL): boolean {
  if (pattern.protocol !== url.protocol) return false
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port
  if (pattern.port !== "*" && pattern.port !== port) return false
  if (pattern.host === "*") return true
  // `*.0.0.1` must not stand for 127.0.0.1: a label is a part of a name.
  if (pattern.host.startsWith("*") && isIP(url.hostname) !== 0) return false
  const expected = pattern.host.split(".")
  const actual = url.hostname.split(".")
  return (
    expected.length === actual.length &&
    expected.every((label, index) => label === actual[index] || (label === "*" && index === 0 && actual[index] !== ""))
  )
}

/** Tells whether a text is an entry of `allowedEndpoints` that allows anything. */
export function isEndpointPattern(text: string): boolean {
  return parsePattern(text) !== undefined
}

/**
 * Tells whether a URL passes the `allowedEndpoints` of a policy. Patterns are compared label by label and port by port;
 * a malformed pattern allows nothing.
 */
export function isAllowedUrl(url: URL, policy: Pick<EgressPolicy, "allowedEndpoints">): boolean {
  return policy.allowedEndpoints.some((text) => {
    const pattern = parsePattern(text)
    return pattern !== undefined && matches(pattern, url)
  })
}

/** Tells whether an entry of `allowedEndpoints` names its whole host, and not a domain or any host. */
export function namesWholeHost(text: string): boolean {
  return parsePattern(text)?.host.startsWith("*") === false
}

/**
 * Parses a URL for use and checks it against a policy, including the address where the host is written as one.
 * @throws {PluginError} INVALID_REQUEST - not absolute, with user or fragment, or outside the policy
 */
export function requireAllowedUrl(text: string, policy: EgressPolicy): URL {
  const result = parseUrl(text)
  if (!result.ok) {
    throw pluginError("INVALID_REQUEST", `The URL ${result.problem}.`, "Correct the address in the configuration.")
  }
  if (!isAllowedUrl(result.url, policy)) {
    throw pluginError(
      "INVALID_REQUEST",
      `Connections to ${result.url.origin} are not allowed.`,
      "Use an allowed address, or have the operator add it to the plugin's allowedEndpoints.",
    )
  }
  return result.url
}

/** A host name has at most 253 characters (RFC 1035 §2.3.4); scheme and port come on top. */
const longestPattern = 280
/** An IPv6 address with its prefix length needs 49 characters. */
const longestRange = 64
const mostEntries = 1_000

/** Fields of a plugin configuration that limit where its connections may go; spread them into the schema's shape. */
export const egressConfiguration = {
  allowedEndpoints: z
    .array(
      z
        .string()
        .max(longestPattern, { abort: true })
        .refine((text) => parsePattern(text) !== undefined, {
          error:
            "must be like https://host:8200, https://*.example.com or https://*:8200; http:// needs a full host name",
        }),
    )
    .max(mostEntries)
    .default(["https://*"])
    .meta({
      title: "Allowed endpoints",
      description:
        "Origins that keystore configurations may name. `*` stands for one host label on the left, or for any host; `:*` for any port. Without a port, `https://*` means any port and every other entry the default port.",
    }),
  allowedAddresses: z
    .array(
      z
        .string()
        .max(longestRange, { abort: true })
        .refine(isAddressRange, { error: "must be an address range such as 10.20.0.0/16 or fd12::/64" }),
    )
    .max(mostEntries)
    .default([])
    .meta({
      title: "Allowed addresses",
      description:
        "Address ranges that are allowed although they are private, loopback or link-local. Cloud metadata addresses must be listed one by one.",
    }),
}

/**
 * Compiles the address side of a policy.
 * @throws {PluginError} INVALID_REQUEST - a range is malformed
 */
export function egressRules(policy: Pick<EgressPolicy, "allowedAddresses">): (address: string) => boolean {
  const malformed = policy.allowedAddresses.findIndex((range) => !isAddressRange(range))
  if (malformed === -1) return addressRule(policy.allowedAddresses)
  const issues = [{ path: ["allowedAddresses", malformed], message: "must be an address range such as 10.20.0.0/16" }]
  throw configurationError(issues)
}
