import { Kysely, sql } from "kysely"
import { describe, expect, it, onTestFinished } from "vitest"
import { prepareDatabaseFile } from "../src/sqlite/database-file.ts"
import { sqliteDialect } from "../src/sqlite/sqlite-dialect.ts"
import { WriterThread } from "../src/sqlite/writer-thread.ts"
import { temporaryFolder } from "./support/temporary-database.ts"

interface Tables {
  parents: { id: number }
  children: { parent: number }
}

/** Opens a database whose foreign key is checked at COMMIT, so that a COMMIT can be made to fail. */
async function openWriter() {
  const path = `${await temporaryFolder()}/host.sqlite`
  await prepareDatabaseFile(path)
  const writer = new WriterThread()
  await writer.request({ kind: "open", path, busyTimeoutMs: 50 })
  const db = new Kysely<Tables>({ dialect: sqliteDialect(writer) })
  onTestFinished(() => db.destroy())
  await sql`create table parents (id integer primary key)`.execute(db)
  await sql`create table children (parent integer references parents (id) deferrable initially deferred)`.execute(db)
  return { db, writer }
}

describe("a COMMIT that fails", () => {
  it("undoes its own transaction and no other one, however many are waiting", async () => {
    const { db } = await openWriter()
    const doomed = (parent: number) =>
      db.transaction().execute((transaction) => transaction.insertInto("children").values({ parent }).execute())
    const sound = (id: number) =>
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto("parents").values({ id }).execute()
        await transaction.insertInto("children").values({ parent: id }).execute()
      })
    const single = (id: number) => db.insertInto("parents").values({ id }).execute()

    const ids = Array.from({ length: 40 }, (_, index) => index + 1)
    const outcomes = await Promise.allSettled(
      ids.flatMap((id) => [doomed(1000 + id), sound(id), single(100 + id), doomed(2000 + id)]),
    )

    const refused = outcomes.filter((each) => each.status === "rejected")
    expect(refused).toHaveLength(80)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "NOT_FOUND" })
    expect(await db.selectFrom("parents").select("id").orderBy("id").execute()).toEqual(
      [...ids, ...ids.map((id) => 100 + id)].map((id) => ({ id })),
    )
    expect(await db.selectFrom("children").selectAll().execute()).toHaveLength(40)
  })
})

describe("a writer that dies", () => {
  const uncertain = { code: "DATABASE_COMMIT_UNCERTAIN", origin: "host", retryable: true }

  it("before it has answered a COMMIT, leaves that one uncertain, and tells the others that it is gone", async () => {
    const { db, writer } = await openWriter()
    const committing = db.transaction().execute(async (transaction) => {
      await transaction.insertInto("parents").values({ id: 1 }).execute()
      await stall(writer)
      setImmediate(() => void writer.terminate())
    })
    const waiting = db
      .transaction()
      .execute((transaction) => transaction.insertInto("parents").values({ id: 2 }).execute())
    const refusals = [
      expect(committing).rejects.toMatchObject(uncertain),
      expect(waiting).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", retryable: true }),
    ]
    await Promise.all(refusals)
  })

  it("leaves a change of one statement uncertain, and a read merely unanswered", async () => {
    const { db, writer } = await openWriter()
    await stall(writer)
    const change = expect(db.insertInto("parents").values({ id: 1 }).execute()).rejects.toMatchObject(uncertain)
    const read = expect(db.selectFrom("parents").selectAll().execute()).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
    })
    setImmediate(() => void writer.terminate())
    await Promise.all([change, read])
  })

  it("loses a transaction that had not reached its COMMIT, and that is certain", async () => {
    const { db, writer } = await openWriter()
    await stall(writer)
    const change = db
      .transaction()
      .execute((transaction) => transaction.insertInto("parents").values({ id: 1 }).execute())
    const refused = expect(change).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" })
    setImmediate(() => void writer.terminate())
    await refused
  })
})

async function stall(writer: WriterThread): Promise<void> {
  const flag = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  await writer.request({ kind: "stall", flag, limitMs: 60_000 })
}
