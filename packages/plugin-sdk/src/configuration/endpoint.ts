import * as z from "zod"

const longestUrlLength = 2048

/**
 * Makes the schema of a server's address in a configuration: an absolute `https` URL without user, query or fragment, at most 2,048
 * characters. Parsed, it is in canonical form without a slash at its end (`https://host:8200`), so that one server has
 * one spelling.
 *
 * `http` passes here too: whether plain HTTP may be used is the operator's decision, by listing that very origin in the
 * egress policy, which each request is checked against.
 */
export function endpoint() {
  return z
    .string()
    .transform((text, context) => {
      const result = parseEndpoint(text)
      if (result.ok) return result.origin + result.pathPrefix
      context.issues.push({ code: "custom", message: result.problem, input: undefined })
      return z.NEVER
    })
    .meta({ format: "uri", maxLength: longestUrlLength })
}

/** A parsed URL, or its problem; the problem never repeats the text, which may hold a password. */
export type ParsedEndpoint =
  | { readonly ok: true; readonly origin: string; readonly pathPrefix: string }
  | { readonly ok: false; readonly problem: string }

/** Parses the text of an {@link endpoint}. */
export function parseEndpoint(text: string): ParsedEndpoint {
  const result = parseUrl(text)
  if (!result.ok) return result
  const { url } = result
  if (url.search !== "" || text.includes("?")) return { ok: false, problem: "must have no query" }
  if (url.hostname.endsWith(".")) return { ok: false, problem: "must have no dot at the end of the host name" }
  return { ok: true, origin: url.origin, pathPrefix: withoutEndSlashes(url.pathname) }
}

/** Without a pattern, which would start again at each slash. */
function withoutEndSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === "/") end -= 1
  return path.slice(0, end)
}

/** A URL without anything that parsers disagree about, or its problem. */
export type ParsedUrl = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly problem: string }

/** Parses an absolute `http` or `https` URL and refuses the spellings by which a checked URL differs from the used one. */
export function parseUrl(text: string): ParsedUrl {
  if (text.length > longestUrlLength) return { ok: false, problem: `must be at most ${longestUrlLength} characters` }
  // The URL parser drops tabs and line ends, trims spaces and reads `\` as `/`; nobody needs any of them.
  if (/[\s\\\p{C}]/u.test(text)) return { ok: false, problem: "must have no spaces, control characters or backslashes" }
  if (!/^https?:\/\/[^/]/i.test(text)) return { ok: false, problem: "must be an absolute https:// URL" }
  const url = URL.parse(text)
  if (url === null) return { ok: false, problem: "must be an absolute https:// URL" }
  if (url.username !== "" || url.password !== "" || /^[^/]*\/\/[^/?#]*@/.test(text)) {
    return { ok: false, problem: "must have no user name or password" }
  }
  if (url.hash !== "" || text.includes("#")) return { ok: false, problem: "must have no fragment" }
  return { ok: true, url }
}
