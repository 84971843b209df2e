import { writeFile } from "node:fs/promises"
import { arch, cpus, platform, totalmem } from "node:os"

/** One measured figure. */
export interface ReportRow {
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** The reference, measured in the same run. */
  readonly reference?: string
  /** `value` divided by the reference's. */
  readonly ratio?: number
  /** The target, as printed, e.g. `>= 0.5`. */
  readonly target?: string
  readonly met?: boolean
}

/** The document that a benchmark writes with `--json FILE`. */
export interface Report {
  readonly benchmark: string
  readonly rows: readonly ReportRow[]
}

/** A bound on a figure or on its ratio. */
export interface Target {
  readonly kind: "at least" | "at most"
  readonly bound: number
}

/** Makes a row with a target: for the ratio where there is a reference, otherwise for the value. */
export function rowWithTarget(row: Omit<ReportRow, "target" | "met">, target: Target): ReportRow {
  const judged = row.ratio ?? row.value
  const met = target.kind === "at least" ? judged >= target.bound : judged <= target.bound
  return { ...row, target: `${target.kind === "at least" ? ">=" : "<="} ${target.bound}`, met }
}

/** Formats a table: the first column is left-aligned, the others right-aligned. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const all = [head, ...lines]
  const widths = head.map((_, column) => Math.max(...all.map((line) => (line[column] ?? "").length)))
  const layOut = (line: readonly string[]) =>
    widths
      .map((width, column) => (column === 0 ? (line[0] ?? "").padEnd(width) : (line[column] ?? "").padStart(width)))
      .join("  ")
      .trimEnd()
  return all.map(layOut).join("\n")
}

/** Prints the rows that have a target, and whether they met it. */
export function targetTable(rows: readonly ReportRow[]): string {
  const judged = rows.filter((row) => row.target !== undefined)
  const lines = judged.map((row) => [
    row.metric,
    `${figure(row.value)} ${row.unit}`,
    row.ratio === undefined ? "" : `${figure(row.ratio)} of ${row.reference ?? ""}`,
    row.target ?? "",
    row.met === true ? "reached" : "MISSED",
  ])
  return table(["target", "seen", "ratio", "to reach", ""], lines)
}

/** Three significant digits, never in powers of ten. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-"
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3)
}

/** Writes a report with the machine that it was made on. */
export async function writeReport(file: string, report: Report): Promise<void> {
  const machine = {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    date: new Date().toISOString(),
  }
  await writeFile(
    file,
    `${JSON.stringify({ benchmark: report.benchmark, machine, rows: report.rows }, undefined, 2)}\n`,
  )
}
