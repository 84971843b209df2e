import { readFileSync } from "node:fs"

/** Process ids of this process's children, the youngest last. */
export function children(): readonly number[] {
  const listed = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8")
  return listed.trim().split(/\s+/).filter(Boolean).map(Number)
}
