import * as z from "zod"
import { jsonValue, moment } from "../../fields.ts"
import { limitUpTo, pageQuery } from "../../pipeline/paging.ts"

/** Selects entries. */
export const auditQuery = z.strictObject({
  ...pageQuery.shape,
  limit: limitUpTo(1000),
  from: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .meta({ description: "Index of the first entry, unless `cursor` says where to continue" }),
})

/** Place of an entry in a log. */
export const auditIndex = z.int().min(0)

/** Entries of an audit log, oldest first. */
export const auditEntriesAnswer = z
  .strictObject({
    entries: z.array(
      z.strictObject({
        index: z.int().meta({ description: "Place in the log, from 0, without gaps" }),
        entry_id: z.string(),
        recorded_at: moment,
        event: z.record(z.string(), jsonValue).meta({ description: "The leaf, parsed" }),
      }),
    ),
    size: z.int().meta({ description: "Number of entries in the log" }),
    waiting: z
      .int()
      .meta({ description: "Number of recorded entries without a place in the log; they get it within 2 s" }),
    next: z.int().meta({ description: "`from` of the next page; equal to `size` at the end" }),
  })
  .meta({ id: "AuditEntries" })
