import { execFileSync } from "node:child_process"
import type { ProjectFiles } from "./project-files.ts"
import { Reach } from "./reach.ts"

/** Files on which every test depends. */
const reachesEverything =
  /^(package\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|vitest\.config\.ts|tsconfig\.base\.json|scripts\/(run|toolchain)\.mjs)$/

/**
 * Lists the files that differ from another state of the project, the untracked ones included.
 *
 * @param base - a commit, or anything else that git can name. Default: where this branch left `origin/main`; without one,
 * the last commit
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
    return "HEAD" // git says on standard error that there is no origin/main
  }
}

/**
 * Lists the tests that a change of these files can reach: through imports, programs that a test starts, files and folders
 * that it names, and packages that it looks up by name. A test that lists folders is always among them.
 */
export function testsReachedBy(project: ProjectFiles, changed: readonly string[]): readonly string[] {
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
