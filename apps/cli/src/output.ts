/** Output of a command: its result on standard output, everything else on standard error. */
export interface Output {
  /** Whether the user asked for `--json`. */
  readonly json: boolean
  /** Writes the result: as one JSON document with `--json`, otherwise as the text. */
  result(document: unknown, text: string): void
  /** Writes one line of a stream. */
  line(text: string): void
  /** Writes progress and remarks, for people only. */
  remark(text: string): void
  /** Warns the user; the command continues. */
  warn(text: string): void
}

/** Makes the output for one run of the program. */
export function createOutput(json: boolean): Output {
  return {
    json,
    result: (document, text) => process.stdout.write(`${json ? JSON.stringify(document, undefined, 2) : text}\n`),
    line: (text) => process.stdout.write(`${text}\n`),
    remark: (text) => {
      if (!json) process.stderr.write(`${text}\n`)
    },
    warn: (text) => process.stderr.write(`${json ? JSON.stringify({ warning: text }) : `Warning: ${text}`}\n`),
  }
}

/** Lays rows out in columns, two spaces apart; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}
