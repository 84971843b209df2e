/** Where a command writes: standard output for its result, standard error for everything else. */
export interface Output {
  /** Whether the user asked for `--json`. */
  readonly json: boolean
  /** The result: as one JSON document with `--json`, else as the text. */
  result(document: unknown, text: string): void
  /** One line of a stream that is JSON in itself. */
  line(text: string): void
  /** Progress and remarks, for people only. */
  remark(text: string): void
  /** What the user should know although the command goes on. */
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
