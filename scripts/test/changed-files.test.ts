import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { changesSince, testsReachedBy } from "../test-selection/changed-tests.ts"
import { ProjectFiles } from "../test-selection/project-files.ts"

/** A repository with one commit. */
function repository(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "changed-files-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  git(root, "init", "-q")
  commit(root)
  return root
}

function git(root: string, ...args: string[]): void {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
  execFileSync("git", [...identity, ...args], { cwd: root })
}

function commit(root: string): void {
  git(root, "add", "--all")
  git(root, "commit", "-q", "-m", "test: a state")
}

const sources = {
  "packages/a/src/left.ts": 'export { deep as left } from "./deep.ts"\n',
  "packages/a/src/deep.ts": "export const deep = 1\n",
  "packages/a/src/right.ts": "export const right = 1\n",
  "packages/a/test/left.test.ts": 'import { left } from "../src/left.ts"\n',
  "packages/a/test/right.test.ts": 'import { right } from "../src/right.ts"\n',
}

const reached = (root: string, base: string) => {
  const changes = changesSince(root, base)
  return testsReachedBy(new ProjectFiles(root, changes.deleted), changes.files)
}

it("lists changed, untracked and deleted files, and both names of a renamed file", () => {
  const root = repository(sources)
  renameSync(join(root, "packages/a/src/deep.ts"), join(root, "packages/a/src/deeper.ts"))
  git(root, "add", "--all")
  rmSync(join(root, "packages/a/src/left.ts"))
  writeFileSync(join(root, "packages/a/src/right.ts"), "export const right = 2\n")
  writeFileSync(join(root, "new.ts"), "")
  const { files, deleted } = changesSince(root, "HEAD")
  expect(files.toSorted()).toEqual([
    "new.ts",
    "packages/a/src/deep.ts",
    "packages/a/src/deeper.ts",
    "packages/a/src/left.ts",
    "packages/a/src/right.ts",
  ])
  expect(deleted.paths.map((path) => [path, deleted.text(path)])).toEqual([
    ["packages/a/src/deep.ts", sources["packages/a/src/deep.ts"]],
    ["packages/a/src/left.ts", sources["packages/a/src/left.ts"]],
  ])
})

it("selects the tests that reached a deleted file, committed or not", () => {
  const root = repository(sources)
  rmSync(join(root, "packages/a/src/deep.ts"))
  expect(reached(root, "HEAD")).toEqual(["packages/a/test/left.test.ts"])
  commit(root)
  expect(reached(root, "HEAD~1")).toEqual(["packages/a/test/left.test.ts"])
})

it("selects the tests that reached the old name of a renamed file", () => {
  const root = repository(sources)
  renameSync(join(root, "packages/a/src/deep.ts"), join(root, "packages/a/src/deeper.ts"))
  commit(root)
  expect(reached(root, "HEAD~1")).toEqual(["packages/a/test/left.test.ts"])
})
