import { dirname, join, resolve } from "node:path"
import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { ProfileError, type ProfileProblem } from "../errors.ts"
import { databaseSettings, passwordProblems } from "./database-settings.ts"
import { parseYamlTree } from "./parse-yaml-tree.ts"
import type { LoadedProfile, PluginEntry } from "./profile.ts"
import { profileJsonSchema } from "./profile-json-schema.ts"
import { type pluginEntrySchema, profileSchema } from "./profile-schema.ts"
import { inFileOrder, problemAt, problemsOfIssues, readProfileText } from "./profile-text.ts"
import type { PlacedReference } from "./reference.ts"
import { resolveReferences } from "./resolve-references.ts"
import { type Path, startOfFile, type YamlTree } from "./yaml-tree.ts"

/** Sources that a profile may refer to. */
export interface LoadProfileOptions {
  /** Where `{source: env}` references look; a host passes its own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

const plainData = z.json()

/**
 * Reads a profile: syntax, keys, values and references, every problem at once.
 *
 * A relative path, also in a file reference, starts at the folder of the profile: a start from another working directory
 * finds the same data.
 *
 * @throws {ProfileError} PROFILE_INVALID - unreadable, or with the `problems` that it lists
 */
export async function loadProfile(file: string, options: LoadProfileOptions): Promise<LoadedProfile> {
  const read = await readProfileText(file)
  if ("message" in read) throw new ProfileError(file, [problemAt(file, startOfFile, [], read.message)])
  const tree = parseYamlTree(read.text)
  if (tree.value === undefined || tree.value === null) {
    const found = tree.problems.map(({ position, path, message }) => problemAt(file, position, path, message))
    throw new ProfileError(file, found.length > 0 ? found : [problemAt(file, startOfFile, [], "the profile is empty")])
  }

  const folder = dirname(resolve(file))
  const resolved = await resolveReferences(tree, { file, folder, environment: options.environment })
  const parsed = profileSchema.safeParse(resolved.value)
  const problems = [
    ...tree.problems.map(({ position, path, message }) => problemAt(file, position, path, message)),
    ...resolved.problems,
    ...issueProblems(file, tree, parsed.error?.issues ?? [], resolved.problems),
    ...contradictions(file, tree),
    ...passwordProblems(file, tree),
  ]
  if (parsed.success) problems.push(...sharedPort(file, tree, parsed.data.listeners))
  if (!parsed.success || problems.length > 0) throw new ProfileError(file, inFileOrder(problems))

  const { data } = parsed
  const dataDirectory = resolve(folder, data.dataDirectory)
  return {
    file,
    folder,
    mode: data.mode,
    listeners: data.listeners,
    quotas: data.quotas,
    persistence: databaseSettings(data.persistence, { folder, dataDirectory, ...resolved, ...options }),
    dataDirectory,
    credentialDirectory: resolve(folder, data.credentialDirectory ?? join(dataDirectory, "credentials")),
    credentialStore: { root: resolve(folder, data.credentialStore.root ?? join(dataDirectory, "credential-root.key")) },
    openedKeystores: data.openedKeystores,
    plugins: data.plugins.map((entry, index) => pluginEntry(entry, index, { file, folder, tree, ...resolved })),
    shown: plainData.parse(tree.value),
  }
}

/** Leaves out the issues of values that could not be resolved: those have their own problem. */
function issueProblems(
  file: string,
  tree: YamlTree,
  issues: readonly z.core.$ZodIssue[],
  unresolved: readonly ProfileProblem[],
): readonly ProfileProblem[] {
  const known = new Set(unresolved.map(({ path }) => path))
  return problemsOfIssues(file, tree, profileJsonSchema(), issues).filter(({ path }) => !known.has(path))
}

const executableKeys = ["args", "env", "checksum", "version"] as const

/** Finds contradictions between keys, in the tree as written, so that they are reported together with everything else. */
function contradictions(file: string, tree: YamlTree): readonly ProfileProblem[] {
  const found: ProfileProblem[] = []
  const add = (path: Path, message: string) => found.push(problemAt(file, tree.position(path, "key"), path, message))
  const written = z
    .looseObject({ plugins: z.array(z.unknown()), listeners: z.unknown().optional() })
    .safeParse(tree.value)
  for (const [index, entry] of (written.data?.plugins ?? []).entries()) {
    const path = ["plugins", index]
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) continue
    const has = (key: string) => Object.hasOwn(entry, key)
    if (has("package") === has("path"))
      add([...path, has("path") ? "path" : "package"], "give either `package` or `path`")
    else if (has("path") && has("configuration")) {
      add([...path, "configuration"], "an executable takes `yamlConfiguration`")
    } else if (has("package") && has("yamlConfiguration")) {
      add([...path, "yamlConfiguration"], "a package takes `configuration`")
    } else if (has("package") && executableKeys.some(has)) {
      for (const key of executableKeys.filter(has)) add([...path, key], "belongs to an executable (`path`)")
    } else if (has("path") && "isolation" in entry && entry.isolation === "in-process") {
      add([...path, "isolation"], "an executable cannot run in process")
    }
  }
  return found
}

function sharedPort(file: string, tree: YamlTree, listeners: LoadedProfile["listeners"]): readonly ProfileProblem[] {
  const { api, operations } = listeners
  if (api.port === 0 || api.port !== operations.port || api.host !== operations.host) return []
  const path = ["listeners", "operations", "port"]
  return [problemAt(file, tree.position(path, "value"), path, "api and operations cannot share one port")]
}

interface EntryContext {
  readonly file: string
  readonly folder: string
  readonly tree: YamlTree
  readonly references: readonly PlacedReference[]
}

function pluginEntry(entry: z.infer<typeof pluginEntrySchema>, index: number, context: EntryContext): PluginEntry {
  const { tree, file } = context
  const root: Path = ["plugins", index]
  const configuration = plainData.parse(entry.configuration)
  return {
    name: entry.name,
    kind: entry.type,
    ...(entry.package === undefined ? {} : { package: entry.package }),
    ...(entry.path === undefined ? {} : { path: resolve(context.folder, entry.path) }),
    ...(entry.args === undefined ? {} : { args: entry.args }),
    ...(entry.env === undefined ? {} : { env: entry.env }),
    ...(entry.checksum === undefined ? {} : { checksum: entry.checksum }),
    ...(entry.yamlConfiguration === undefined ? {} : { yamlConfiguration: entry.yamlConfiguration }),
    logLevel: entry.logLevel,
    isolation: entry.isolation ?? (entry.path === undefined ? "in-process" : "process"),
    onFailure: entry.onFailure,
    tags: entry.tags,
    shownConfiguration: writtenConfiguration(tree.value, index),
    references: context.references
      .filter(({ path }) => path[0] === "plugins" && path[1] === index)
      .map(({ path, reference }) => ({ path: path.slice(3), reference })),
    resolvedConfiguration: () => configuration,
    problem: (path, part, message, allowed) =>
      problemAt(file, tree.position([...root, ...path], part), [...root, ...path], message, allowed),
    has: (path) => tree.has([...root, ...path]),
  }
}

function writtenConfiguration(document: unknown, index: number): JsonValue {
  const written = z.looseObject({ plugins: z.array(z.looseObject({ configuration: plainData.default({}) })) })
  return written.parse(document).plugins[index]?.configuration ?? {}
}
