import { posix } from "node:path"
import { wirePluginTypes } from "@apeiro-cmk/plugin-sdk/go-plugin"
import { stringify } from "yaml"
import type { ProfileProblem } from "../errors.ts"
import type { LoadedProfile, PluginEntry } from "./profile.ts"

/** A profile in the words of the upstream OpenKCM CMK server. */
export interface OpenkcmRendering {
  /** The `plugins:` section of its configuration; that server refuses keys that it does not know, and there are none. */
  readonly yaml: string
  /** What it cannot express, where it stands in the profile. */
  readonly problems: readonly ProfileProblem[]
}

/** Where the executables lie in the server's image unless it is said otherwise. */
export const defaultExecutableFolder = "/plugins"

/**
 * Writes the `plugins:` section for the upstream server: each package as the executable `FOLDER/NAME/serve.mjs`, each
 * `path` as it is. Pure.
 *
 * @param executableFolder - absolute, in the server's image
 */
export function renderForOpenkcm(
  profile: LoadedProfile,
  executableFolder: string = defaultExecutableFolder,
): OpenkcmRendering {
  const plugins = profile.plugins.map((entry) => ({
    name: entry.name,
    type: wirePluginTypes[entry.kind].type,
    ...(entry.path === undefined ? ofPackage(entry, executableFolder) : ofExecutable(entry, entry.path)),
    logLevel: entry.logLevel,
    ...(entry.tags.length === 0 ? {} : { tags: [...entry.tags] }),
  }))
  return { yaml: stringify({ plugins }, { lineWidth: 0 }), problems: profile.plugins.flatMap(problemsOf) }
}

function ofPackage({ name, shownConfiguration }: PluginEntry, executableFolder: string) {
  return {
    path: posix.join(executableFolder, name, "serve.mjs"),
    yamlConfiguration: stringify(shownConfiguration),
  }
}

function ofExecutable({ args, env, checksum, yamlConfiguration }: PluginEntry, path: string) {
  return {
    path,
    ...(args === undefined ? {} : { args: [...args] }),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(checksum === undefined ? {} : { checksum }),
    ...(yamlConfiguration === undefined ? {} : { yamlConfiguration }),
  }
}

function problemsOf(entry: PluginEntry): readonly ProfileProblem[] {
  return [
    ...(entry.path === undefined
      ? []
      : [entry.problem(["path"], "value", "has to lie in that server's image: its place on this machine is printed")]),
    ...entry.references.map(({ path }) =>
      entry.problem(
        ["configuration", ...path],
        "value",
        "has to be replaced: that server resolves no references in a plugin's configuration",
      ),
    ),
    ...(entry.onFailure === "continue"
      ? [entry.problem(["onFailure"], "value", "is not kept: that server ends when a plugin cannot be loaded")]
      : []),
  ]
}
