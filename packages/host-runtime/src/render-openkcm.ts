import { posix } from "node:path"
import { stringify } from "yaml"
import type { ProfileProblem } from "./errors.ts"
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
 * Writes the `plugins:` section for the upstream server: each keystore package as the executable
 * `FOLDER/NAME/serve.mjs`. Pure.
 *
 * @param executableFolder - absolute, in the server's image
 */
export function renderForOpenkcm(
  profile: LoadedProfile,
  executableFolder: string = defaultExecutableFolder,
): OpenkcmRendering {
  const rendered = profile.plugins.filter(({ kind, package: source }) => kind === "keystore" && source !== undefined)
  const plugins = rendered.map((entry) => ({
    name: entry.name,
    type: "KeystoreInstanceKeyOperation",
    path: posix.join(executableFolder, entry.name, "serve.mjs"),
    logLevel: "info",
    ...(entry.tags.length === 0 ? {} : { tags: [...entry.tags] }),
    yamlConfiguration: stringify(entry.shownConfiguration),
  }))
  return { yaml: stringify({ plugins }, { lineWidth: 0 }), problems: profile.plugins.flatMap(problemsOf) }
}

function problemsOf(entry: PluginEntry): readonly ProfileProblem[] {
  if (entry.kind !== "keystore") {
    return [entry.problem(["type"], "value", "is left out: of our plugins only keystores run under that server yet")]
  }
  if (entry.package === undefined) {
    return [entry.problem(["path"], "value", "is left out: write what is no package of ours by hand")]
  }
  return [
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
