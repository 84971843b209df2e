import type { CapabilityRow } from "../test-contracts/src/index.ts"

/** One plugin on one keystore, as the table shows it. */
export interface ProvenPlugin {
  readonly plugin: string
  readonly backend: string
  readonly version: string
  readonly judge: string
  readonly rows: readonly CapabilityRow[]
  /** Missing requirements of cases, by the name of the case. */
  readonly notProven: readonly string[]
}

const heading = `# What each keystore plugin can do

Written by \`npm run capabilities\` out of the results of the conformance kit ([test-contracts](../test-contracts/README.md)).
A row says \`passed\` when every case about it passed against the keystore that is named above it.`

/** Renders the table. @param date - of the run, `YYYY-MM-DD` */
export function renderCapabilities(plugins: readonly ProvenPlugin[], date: string): string {
  const sections = plugins.map(({ plugin, backend, version, judge, rows }) => {
    const lines = rows.map(({ ability, outcome, detail }) => `| ${ability} | ${outcome} | ${detail} |`)
    const server = version === "-" ? backend : `${backend} ${version}`
    return [`## ${plugin} on ${server} (${judge})`, "", "| ability | result | |", "|---|---|---|", ...lines].join("\n")
  })
  const lacks = plugins.flatMap(({ plugin, notProven }) => notProven.map((lack) => `- ${plugin}: ${lack}`))
  const open = [
    "## Not proven",
    "",
    lacks.length === 0 ? "Nothing: each case could prove all that it is about." : lacks.join("\n"),
  ]
  return `${[heading, `Date of the run: ${date}`, ...sections, open.join("\n")].join("\n\n")}\n`
}

/** The part of a rendered table that depends on the sources alone: without the date and the results of a run. */
export function stablePart(table: string): string {
  return table
    .replace(/^Date of the run: .*$/m, "")
    .replace(/\n## Not proven[\s\S]*$/, "")
    .replaceAll("| not proven |", "| passed |")
    .replaceAll(/, \d+ not proven/g, "")
}
