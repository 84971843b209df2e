import * as z from "zod"
import type { DsmAccount } from "./account.ts"
import type { DsmApp } from "./app.ts"
import { badRequest, notFound } from "./dsm-error.ts"

/** Input of a handler. */
export interface DsmRequest {
  readonly account: DsmAccount
  readonly app: DsmApp
  /** Tells whether the group's quorum has approved the request. */
  readonly isApproved: boolean
  /** Values of the path's parameters, in order. */
  readonly parameters: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
}

/** Answers a request; `undefined` becomes status 204. */
export type Handler = (request: DsmRequest) => unknown

/** `METHOD /path/with/{open}/parts`. */
export type Routes = Readonly<Record<string, Handler>>

/** Finds the handler of a request. @throws {DsmError} 404 */
export function findRoute(routes: Routes, method: string, path: string): readonly [Handler, readonly string[]] {
  const exact = routes[`${method} ${path}`]
  if (exact !== undefined) return [exact, []]
  const parts = path.split("/")
  for (const [name, handler] of Object.entries(routes)) {
    const [wanted, pattern = ""] = name.split(" ")
    const wantedParts = pattern.split("/")
    if (wanted !== method || wantedParts.length !== parts.length) continue
    const isOpen = (part: string) => part.startsWith("{")
    if (!wantedParts.every((part, index) => isOpen(part) || part === parts[index])) continue
    return [handler, parts.filter((_, index) => isOpen(wantedParts[index] ?? "")).map(decodeURIComponent)]
  }
  throw notFound("Not found")
}

/** Parses a body, or refuses it as DSM does: 400 and a text. */
export function bodyOf<Shape extends z.ZodType>(shape: Shape, body: unknown): z.output<Shape> {
  const parsed = shape.safeParse(body)
  if (parsed.success) return parsed.data
  throw badRequest(`Invalid request: ${z.prettifyError(parsed.error)}`)
}

/** Bytes in a body: standard base64 with padding. */
export const blob = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .transform((text) => Buffer.from(text, "base64"))

/** `SobjectDescriptor`. */
export const descriptor = z.object({
  kid: z.guid().optional(),
  name: z.string().optional(),
  transient_key: z.string().optional(),
})
