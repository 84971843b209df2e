import type { ConfigurationIssue } from "@apeiro-cmk/plugin-interface"

/** Most issues in one list. */
export const mostIssues = 50

const longestNameLength = 80
const longestMessageLength = 300
const longestTextLength = 2_000
const deepestPath = 32

/** An issue that is fit to be shown. */
export interface ShownIssue extends ConfigurationIssue {
  readonly path: (string | number)[]
  readonly allowed?: string[]
}

/**
 * Keeps at most {@link mostIssues} of the issues, the last of which then says how many more there were. Each is cut: its
 * path to 32 steps of 80 characters without control characters, its message to 300 characters, its allowed values to 50.
 */
export function boundedIssues(issues: Iterable<ConfigurationIssue>): ShownIssue[] {
  const kept: ConfigurationIssue[] = []
  let count = 0
  for (const issue of issues) {
    count += faultsIn(issue)
    if (kept.length <= mostIssues) kept.push(issue)
  }
  const isWhole = kept.length <= mostIssues
  const shown = isWhole ? kept : kept.slice(0, mostIssues - 1)
  const more = isWhole ? [] : [moreFaults(count - shown.length)]
  return [...shown.map(bounded), ...more]
}

/** Writes issues as one text of at most 2,000 characters: `path: message; path: message; and 3 more`. */
export function issuesText(issues: readonly ConfigurationIssue[], whole = "configuration"): string {
  let text = ""
  for (const [index, issue] of boundedIssues(issues).entries()) {
    const line = `${pathText(issue.path) || whole}: ${issue.message}`
    const next = index === 0 ? line : `${text}; ${line}`
    if (next.length > longestTextLength) return `${text}; and more`
    text = next
  }
  return text
}

/** Shortens a name that somebody else chose to 80 characters, and writes `?` for its control characters. */
export function shownName(name: string): string {
  const start = name.slice(0, longestNameLength + 1).replace(/[^\P{C}]/gu, "?")
  return name.length > longestNameLength ? `${start.slice(0, longestNameLength)}...` : start
}

/** Shortens a text that somebody else wrote, and says so. @param most - characters to keep. Default 2,000 */
export function shownText(text: string, most = longestTextLength): string {
  return text.length > most ? `${text.slice(0, most)}... (${text.length} characters)` : text
}

function bounded({ path, message, allowed }: ConfigurationIssue): ShownIssue {
  return {
    path: path.slice(0, deepestPath).map((step) => (typeof step === "string" ? shownName(step) : step)),
    message: shownText(message, longestMessageLength),
    ...(allowed === undefined ? {} : { allowed: allowed.slice(0, mostIssues).map(shownName) }),
  }
}

/** Makes the issue that stands for others, which are counted and not shown. */
export function moreFaults(count: number): ShownIssue {
  return { path: [], message: `and ${count} more faults` }
}

/** A list that was cut before counts with all that it left out. */
function faultsIn({ message }: ConfigurationIssue): number {
  const [, count] = /^and (\d{1,9}) more faults$/.exec(message) ?? []
  return count === undefined ? 1 : Number(count)
}

function pathText(path: ConfigurationIssue["path"]): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("")
}
