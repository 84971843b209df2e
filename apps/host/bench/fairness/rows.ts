import { figure, type ReportRow } from "@apeiro-cmk/bench"
import { attacks } from "./attacks.ts"
import type { MeasuredRow } from "./measure.ts"

/** A healthy tenant's p99 may move by a fifth, or by 5 ms where that is more. */
const allowedShare = 1.2
const allowedMs = 5

/** Head of the table of {@link rowLines}. */
export const tableHead = ["beside", "on", "healthy tenant's", "alone p99 ms", "p99 ms", "failed", "host MiB", ""]

/** Formats what was measured, the checkouts of one row below each other. */
export function rowLines(measured: readonly MeasuredRow[]): readonly (readonly string[])[] {
  return measured
    .toSorted(byAttackAndOperation)
    .map((row) => [
      attacks[row.attack].title,
      row.checkout,
      row.operation,
      figure(row.quietP99Ms),
      figure(row.p99Ms),
      `${row.failures} of ${row.requests}`,
      figure(row.residentBytes / 2 ** 20),
      isFair(row) ? "holds" : "MOVES",
    ])
}

/** Makes the figures; those of this checkout have targets. */
export function reportRows(measured: readonly MeasuredRow[], thisCheckout: string): readonly ReportRow[] {
  return measured.map((row) => ({
    metric: `${row.operation} beside ${attacks[row.attack].title}, ${row.checkout}, ${row.failures} failed`,
    value: row.p99Ms,
    unit: "ms",
    reference: `${figure(row.quietP99Ms)} ms alone`,
    ratio: row.p99Ms / row.quietP99Ms,
    ...(row.checkout === thisCheckout ? { target: "<= 1.2, or + 5 ms; none failed", met: isFair(row) } : {}),
  }))
}

function isFair({ quietP99Ms, p99Ms, failures }: MeasuredRow): boolean {
  return failures === 0 && p99Ms <= Math.max(quietP99Ms * allowedShare, quietP99Ms + allowedMs)
}

const order = Object.keys(attacks)

function byAttackAndOperation(left: MeasuredRow, right: MeasuredRow): number {
  return order.indexOf(left.attack) - order.indexOf(right.attack) || left.operation.localeCompare(right.operation)
}
