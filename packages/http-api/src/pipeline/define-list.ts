import type { Permission } from "@apeiro-cmk/access"
import type { HostCall, Page } from "@apeiro-cmk/host-call"
import type * as z from "zod"
import type { ApiServices } from "../api-services.ts"
import { document } from "./answer.ts"
import { nextLink, pageHeaders, pageQuery, positionOf } from "./paging.ts"
import { defineRoute, none, type Route } from "./route.ts"

/** Work of each entry of a list, in data keys that would take as long. */
const entryUnits = 0.02

/** Place of an entry in the order of its list: its name, or the parts of it. */
type Place = string | readonly [string, string | number]

/** A route that lists records in parts. */
export interface ListSpecification<
  Params extends z.ZodObject,
  Position extends Place,
  Entry,
  Response extends z.ZodType,
> {
  readonly path: string
  readonly summary: string
  readonly permission: Permission
  readonly params: Params
  /** Says what is listed, and in which order. */
  readonly description: string
  readonly schema: Response
  /** Form of an entry's place in the order of the list. */
  readonly position: z.ZodType<Position>
  /** Reads a part, in the database wherever the entries are. */
  readonly read: (
    page: Page<NoInfer<Position>>,
    params: z.output<Params>,
    services: ApiServices,
  ) => Promise<readonly Entry[]>
  readonly positionOf: (entry: NoInfer<Entry>) => NoInfer<Position>
  readonly answer: (entries: readonly NoInfer<Entry>[], call: HostCall) => z.input<Response>
}

/** Makes the route of a list: every list of the API is read in the same way, by `limit` and `cursor`. */
export function defineList<Params extends z.ZodObject, Position extends Place, Entry, Response extends z.ZodType>(
  list: ListSpecification<Params, Position, Entry, Response>,
): Route {
  const { path, summary, permission, params, description, schema } = list
  return defineRoute({
    ...{ method: "get", path, summary, permission, params, query: pageQuery, body: none, problems: [] },
    response: { status: 200, description, schema, headers: pageHeaders },
    workUnits: ({ query }) => query.limit * entryUnits,
    handler: async ({ params: given, query: { limit, cursor }, call, services }) => {
      const after = cursor === undefined ? {} : { after: positionOf(cursor, list.position) }
      // One more than asked for: it tells whether there is a next part.
      const found = await list.read({ ...after, limit: limit + 1 }, given, services)
      const entries = found.slice(0, limit)
      const last = found.length > limit ? entries.at(-1) : undefined
      return document(list.answer(entries, call), last === undefined ? {} : nextLink(limit, list.positionOf(last)))
    },
  })
}
