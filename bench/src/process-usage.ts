import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

/** Resources that processes have used so far. */
export interface ProcessUsage {
  /** User and system time, in seconds. */
  readonly cpuSeconds: number
  readonly residentBytes: number
}

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))
const pageBytes = Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" }))

/**
 * Adds up the resources that processes of this machine use, including their children. Linux only (proc(5)).
 * @throws {Error} a process has ended
 */
export function processUsage(processIds: readonly number[]): ProcessUsage {
  const family = processIds.flatMap(withChildren)
  const each = family.map(usageOf)
  return {
    cpuSeconds: each.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentBytes: each.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  }
}

function withChildren(processId: number): readonly number[] {
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").trim()
  if (children === "") return [processId]
  return [processId, ...children.split(" ").map(Number).flatMap(withChildren)]
}

function usageOf(processId: number): ProcessUsage {
  // The program's name is in brackets and may contain anything: parse after it.
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const field = (number: number) => Number(fields[number - 3])
  return { cpuSeconds: (field(14) + field(15)) / ticksPerSecond, residentBytes: field(24) * pageBytes }
}
