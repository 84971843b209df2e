import { posix } from "node:path"
import { wirePluginType } from "@apeiro-cmk/plugin-wire"
import { stringify } from "yaml"
import type { ProfileProblem } from "../errors.ts"
import type { LoadedProfile, PluginEntry } from "./profile.ts"

/** A profile in the terms of the upstream OpenKCM CMK server. */
export interface OpenkcmRendering {
  /** The `plugins:` section of its configuration. It has only keys that the server knows: it refuses others. */
  readonly yaml: string
  /** Parts of the profile that the section cannot express. */
  readonly problems: readonly ProfileProblem[]
}

/** Folder of the executables in the server's image, by default. */
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
    type: wirePluginType(entry.kind).type,
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
      : [entry.problem(["path"], "value", "must be in that server's image: the section has its path on this machine")]),
    ...entry.references.map(({ path }) =>
      entry.problem(
        ["configuration", ...path],
        "value",
        "has to be replaced: that server resolves no references in a plugin's configuration",
      ),
    ),
    ...(entry.onFailure === "continue"
      ? [entry.problem(["onFailure"], "value", "is lost: that server ends when a plugin cannot be loaded")]
      : []),
  ]
}
