import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import { isHostRuntimeError } from "../src/index.ts"

const fixtures = fileURLToPath(new URL("fixtures", import.meta.url))

/** A folder outside the workspace with a profile and its own node_modules. */
export interface Project {
  readonly folder: string
  readonly profile: string
  /** Writes a file below the folder. */
  write(path: string, text: string): string
  /** Installs a package of scripted behaviour; it is known to profiles by its name. */
  installScripted(name: string, options?: { pluginType?: string; productionReady?: boolean }): void
  /** Installs the packages in a folder of fixtures. */
  install(fixtureFolder: string): void
  /** Installs a package of this repository's own code by a link: what it imports starts at this repository. */
  link(fixtureFolder: string): void
}

/** Makes a {@link Project}; it goes when the test ends. */
export function project(profileText: string): Project {
  const folder = mkdtempSync(join(tmpdir(), "apeiro-host-runtime-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const write = (path: string, text: string) => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  // Copied, not linked: a linked package's own imports would start at this repository.
  const install = (fixtureFolder: string) => {
    for (const name of readdirSync(join(fixtures, fixtureFolder))) {
      cpSync(join(fixtures, fixtureFolder, name), join(folder, "node_modules", name), { recursive: true })
    }
  }
  install("packages")
  return {
    folder,
    profile: write("profile.yaml", profileText),
    write,
    install,
    link: (fixtureFolder) =>
      symlinkSync(join(fixtures, fixtureFolder), join(folder, "node_modules", basename(fixtureFolder))),
    installScripted(name, { pluginType = name.replaceAll("-", "_"), productionReady = true } = {}) {
      const described = { name, pluginType, manifest: { productionReady } }
      write(
        `node_modules/${name}/package.json`,
        JSON.stringify({
          name,
          version: "1.2.3",
          type: "module",
          exports: { ".": { default: "./index.js" } },
          openkcm: { kind: "keystore", name, contract: "keystore/v1" },
        }),
      )
      write(
        `node_modules/${name}/index.js`,
        `import { scriptedKeystore } from "fixture-base"\nexport const plugin = scriptedKeystore(${JSON.stringify(described)})\n`,
      )
    },
  }
}

/** The fixtures of load failures: one folder per code. */
export function loadFailureFixtures(): readonly string[] {
  return readdirSync(join(fixtures, "load-failures"))
}

/** Returns the profile of a load failure. */
export function loadFailureProfile(code: string): string {
  return join(fixtures, "load-failures", code, "profile.yaml")
}

/** The `HostRuntimeError` that a promise rejects with. */
export async function failureOf(work: Promise<unknown>) {
  try {
    await work
  } catch (error) {
    if (isHostRuntimeError(error)) return error
    throw error
  }
  throw new Error("expected a failure")
}
