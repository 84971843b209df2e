import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { DeletedFiles, ProjectFiles } from "./project-files.ts"
import { Reach } from "./reach.ts"

/** Files that affect every test. */
const reachesEverything =
  /^(package\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|vitest\.config\.ts|tsconfig\.base\.json|scripts\/(run|toolchain)\.mjs)$/

const largestOutputBytes = 256 * 1024 * 1024

/** Differences from another state of the project. */
export interface Changes {
  /** Changed, new, untracked and deleted files. A renamed file counts under both names. */
  readonly files: readonly string[]
  readonly deleted: DeletedFiles
}

/**
 * Compares the files with another state of the project.
 *
 * @param base - a commit, or any other name that git resolves. Default: the commit at which this branch left `origin/main`;
 * without that branch, the last commit
 */
export function changesSince(root: string, base?: string): Changes {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: largestOutputBytes })
  const before = base ?? whereBranchBegan(git)
  const changed = git("diff", "--name-only", "--no-renames", "-z", before)
  const untracked = git("ls-files", "-z", "--others", "--exclude-standard")
  const files = [...new Set(`${changed}${untracked}`.split("\0").filter((file) => file !== ""))]
  const paths = files.filter((file) => !existsSync(join(root, file)))
  return { files, deleted: { paths, text: (path) => git("show", `${before}:${path}`) } }
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
 *
 * @param project - includes the deleted files, since only their last text shows what reached them and what they reached
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
