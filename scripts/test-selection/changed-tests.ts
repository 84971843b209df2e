import { execFileSync } from "node:child_process"
import type { ProjectFiles } from "./project-files.ts"
import { Reach } from "./reach.ts"

/** Files that affect every test. */
const reachesEverything =
  /^(package\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|vitest\.config\.ts|tsconfig\.base\.json|scripts\/(run|toolchain)\.mjs)$/

/**
 * Lists the files that differ from another state of the project, including untracked files.
 *
 * @param base - a commit, or any other name that git resolves. Default: the commit at which this branch left `origin/main`;
 * without that branch, the last commit
 */
export function changedFiles(root: string, base?: string): readonly string[] {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" })
  const changed = git("diff", "--name-only", "-z", base ?? whereBranchBegan(git))
  const untracked = git("ls-files", "-z", "--others", "--exclude-standard")
  return `${changed}${untracked}`.split("\0").filter((file) => file !== "")
}

function whereBranchBegan(git: (...args: string[]) => string): string {
  try {
    return git("merge-base", "HEAD", "refs/remotes/origin/main").trim()
  } catch {
    return "HEAD" // git reports on standard error that origin/main does not exist
  }
}

/**
 * Lists the tests that a change to these files can reach: through imports, the programs that a test starts, the files and
 * folders that it names, and the packages that it looks up by name. A test that lists folders is always included.
 */
export function testsReachedBy(project: ProjectFiles, changed: readonly string[]): readonly string[] {
  if (changed.length === 0) return []
  if (changed.some((file) => reachesEverything.test(file))) return project.tests()
  const reach = new Reach(project)
  const files = new Set(changed)
  const manifests = changed.filter((file) => file.endsWith("/package.json")).map((file) => file.replace(/[^/]+$/, ""))
  return project.tests().filter((test) => {
    if (/\b(globSync|readdirSync)\b/.test(project.text(test))) return true
    return [...reach.from(test)].some(
      (file) => files.has(file) || manifests.some((folder) => file.startsWith(`${folder}src/`)),
    )
  })
}
