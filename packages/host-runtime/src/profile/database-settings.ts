import { join, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as z from "zod"
import type { ProfileProblem } from "../errors.ts"
import type { DatabaseSettings } from "./profile.ts"
import type { profileSchema } from "./profile-schema.ts"
import { problemAt } from "./profile-text.ts"
import { nameReference, type PlacedReference, type Reference, resolveReference } from "./reference.ts"
import type { YamlTree } from "./yaml-tree.ts"

/** Facts, in addition to the values, from which the settings are made. */
export interface DatabaseScope {
  readonly folder: string
  readonly dataDirectory: string
  readonly references: readonly PlacedReference[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

const written = z.looseObject({ persistence: z.looseObject({ url: z.unknown(), password: z.unknown() }) })

/** Finds passwords that are written in the profile itself; the messages do not repeat them. */
export function passwordProblems(file: string, tree: YamlTree): readonly ProfileProblem[] {
  const { url, password } = written.safeParse(tree.value).data?.persistence ?? {}
  const place = (key: string, message: string): ProfileProblem => {
    const path = ["persistence", key]
    return problemAt(file, tree.position(path, "value"), path, message)
  }
  return [
    ...(typeof url === "string" && passwordIn(url) !== ""
      ? [place("url", "holds a password: write it as a reference in persistence.password")]
      : []),
    ...(typeof password === "string"
      ? [
          place(
            "password",
            "a password is written as a reference, {source: file, file: {path: PATH}} or {source: env, env: NAME}",
          ),
        ]
      : []),
  ]
}

/** Returns the location of the host's records: the URL without a password, and a function that reads the password. */
export function databaseSettings(
  { url, password, maximumConnections }: z.infer<typeof profileSchema>["persistence"],
  scope: DatabaseScope,
): DatabaseSettings {
  const limits = maximumConnections === undefined ? {} : { maximumConnections }
  if (url === undefined || url.startsWith("sqlite:")) return { url: sqliteUrl(url, scope), ...limits }
  const reference = (key: string) =>
    scope.references.find(({ path }) => path[0] === "persistence" && path[1] === key)?.reference
  const passwordReference = password === undefined ? undefined : reference("password")
  const urlReference = passwordIn(url) === "" ? undefined : reference("url")
  const readPassword =
    passwordReference !== undefined
      ? () => readAgain(passwordReference, scope)
      : urlReference !== undefined
        ? async () => decodeURIComponent(passwordIn(await readAgain(urlReference, scope)))
        : undefined
  return {
    url: absoluteAuthorityFile(withoutPassword(url), scope.folder),
    ...(readPassword === undefined ? {} : { readPassword }),
    ...limits,
  }
}

/** Read again each time: a password that was changed is used without a restart. */
async function readAgain(reference: Reference, { folder, environment }: DatabaseScope): Promise<string> {
  if (reference.source !== "credential") {
    const resolution = await resolveReference(reference, folder, environment)
    if (resolution.ok) return resolution.text
  }
  throw new Error(`The password of the database cannot be read: ${nameReference(reference)}.`)
}

/** `sqlite:PATH` with a relative path starts at the profile's folder, as every path does. */
function sqliteUrl(url: string | undefined, { folder, dataDirectory }: DatabaseScope): string {
  const path =
    url === undefined
      ? join(dataDirectory, "host.sqlite")
      : url.startsWith("sqlite:///")
        ? fileURLToPath(url.replace("sqlite:", "file:"))
        : resolve(folder, url.slice("sqlite:".length))
  return pathToFileURL(path).href.replace("file:", "sqlite:")
}

function passwordIn(url: string): string {
  return URL.parse(url)?.password ?? ""
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.password === "") return url
  parsed.password = ""
  return parsed.href
}

function absoluteAuthorityFile(url: string, folder: string): string {
  const parsed = URL.parse(url)
  const file = parsed?.searchParams.get("sslrootcert") ?? ""
  if (parsed === null || file === "") return url
  parsed.searchParams.set("sslrootcert", resolve(folder, file))
  return parsed.href
}
