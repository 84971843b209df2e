import type { EgressPolicy, HttpProxy } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { endpoint } from "../configuration/endpoint.ts"
import type { FieldRule } from "../configuration/field-rules.ts"

const exceptionSyntax = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?$|^\[[0-9a-f:.]+\](?::\d{1,5})?$/i

/** A host name has at most 253 characters (RFC 1035 §2.3.4), a port 5. */
const longestException = 260
const mostExceptions = 1_000

/** Fields of a plugin configuration that name the operator's proxy; spread them into the schema's shape. */
export const proxyConfiguration = {
  proxy: endpoint()
    .refine((url) => URL.parse(url)?.pathname === "/", { error: "must have no path" })
    .optional()
    .meta({
      title: "Proxy",
      description:
        "http:// or https:// address of the proxy through which connections leave (HTTP CONNECT). allowedEndpoints must then name the hosts.",
    }),
  noProxy: z
    .array(
      z
        .string()
        .max(longestException)
        .regex(exceptionSyntax, { error: "must be like host, host:8200 or *.example.com" }),
    )
    .max(mostExceptions)
    .default([])
    .meta({ title: "Without proxy", description: "Hosts that are reached without the proxy." }),
}

/**
 * Tells whether every allowed endpoint names its host, at least by a domain. With a proxy it must: the proxy resolves the
 * names, so that the address of a host cannot be checked here.
 */
export function namesEveryHost({ allowedEndpoints }: Pick<EgressPolicy, "allowedEndpoints">): boolean {
  return allowedEndpoints.every((endpoint) => !/^https?:\/\/\*(?:[:/]|$)/i.test(endpoint))
}

/** Rule for a plugin configuration with the fields of `proxyConfiguration` and `egressConfiguration`. */
export const proxyRule: FieldRule = {
  field: "allowedEndpoints",
  error: "must name hosts or domains when there is a proxy, which resolves names unseen: no https://*",
  holds: ({ proxy, allowedEndpoints }) =>
    proxy === undefined || !Array.isArray(allowedEndpoints) || namesEveryHost({ allowedEndpoints }),
}

/** Tells whether a URL is reached without the proxy. */
export function bypassesProxy(url: URL, { noProxy }: Pick<HttpProxy, "noProxy">): boolean {
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port
  return noProxy.some((entry) => {
    const [, host = "", entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (entryPort !== undefined && entryPort !== port) return false
    return host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : url.hostname === host
  })
}
