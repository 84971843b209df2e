import { globSync, readFileSync } from "node:fs"

/** Requires a changeset for every published package that was never released, so that its first release is announced. */
const announced = globSync(".changeset/*.md").map((file) => readFileSync(file, "utf8"))
const silent = globSync(["packages/*/package.json", "apps/*/package.json", "test-contracts/package.json"])
  .map((file) => JSON.parse(readFileSync(file, "utf8")) as { name: string; version: string; private?: boolean })
  .filter((manifest) => manifest.private !== true && manifest.version === "0.0.0")
  .filter((manifest) => !announced.some((text) => text.includes(`"${manifest.name}":`)))
for (const manifest of silent) console.error(`${manifest.name} has no changeset: add one with \`pnpm changeset\``)
process.exitCode = silent.length === 0 ? 0 : 1
