import { describe, expect, it } from "vitest"
import { retryAfterMs } from "../src/index.ts"

const date = "Wed, 25 Nov 2026 12:00:00 GMT"

describe("Retry-After", () => {
  it.each([
    ["seconds", "7", date, 7_000],
    ["no wait", "0", date, 0],
    ["at most an hour", "999999", undefined, 3_600_000],
    ["a date, by the answer's own clock", "Wed, 25 Nov 2026 12:00:30 GMT", date, 30_000],
    ["the obsolete form of a date", "Wednesday, 25-Nov-26 12:00:05 GMT", date, 5_000],
    ["a date in the past", "Wed, 25 Nov 2026 11:59:00 GMT", date, 0],
    ["a date far away", "Fri, 25 Nov 2033 12:00:00 GMT", date, 3_600_000],
    ["a date without a clock to compare it with", "Wed, 25 Nov 2026 12:00:30 GMT", undefined, undefined],
    ["a fraction, which is invalid", "1.5", date, undefined],
    ["a negative number", "-3", date, undefined],
    ["another spelling of a number", "1e3", date, undefined],
    ["a number beyond all bounds", "9".repeat(400), date, undefined],
    ["a date of another format", "2026-11-25T12:00:30Z", date, undefined],
    ["words", "soon", date, undefined],
    ["nothing", "", date, undefined],
    ["no header", undefined, date, undefined],
  ])("says %s", (_name, value, now, expected) => {
    const headers = {
      ...(value === undefined ? {} : { "retry-after": value }),
      ...(now === undefined ? {} : { date: now }),
    }
    expect(retryAfterMs(headers)).toBe(expected)
  })
})
