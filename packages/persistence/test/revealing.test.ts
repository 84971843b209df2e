import { describe, expect, it } from "vitest"
import { isPersistenceError } from "../src/errors.ts"
import { postgresError } from "../src/postgres/postgres-errors.ts"
import { sqliteError } from "../src/sqlite/sqlite-errors.ts"

const place = "/srv/operator/host.sqlite"

/** Words that may be read by whoever calls the API. */
const shown = (error: Error) => [error.message, isPersistenceError(error) ? error.nextStep : ""].join(" ")

describe("an error of an open database", () => {
  it("of SQLite does not say where the file is, whatever the result", () => {
    for (let resultCode = 0; resultCode < 4096; resultCode += 1) {
      expect(shown(sqliteError({ message: `failed: ${place}`, code: "ERR_SQLITE_ERROR", resultCode }))).not.toContain(
        "/",
      )
    }
    expect(shown(sqliteError({ message: `failed: ${place}` }))).not.toContain("/")
  })

  it("of the way to PostgreSQL does not say where the server is", () => {
    for (const code of ["ECONNREFUSED", "ENOTFOUND", "ECONNRESET", "CERT_HAS_EXPIRED", undefined]) {
      const error = Object.assign(new Error("connect 10.1.2.3:5432 database.internal"), { code, host: "10.1.2.3" })
      expect(shown(postgresError(error))).not.toMatch(/10\.1|5432|internal/)
    }
  })
})
