/** One reference of a module to another file, as written in the source. */
export type Reference =
  /** `names` are the imported or re-exported names; `undefined` stands for all of them. */
  | { readonly kind: "module"; readonly specifier: string; readonly names: readonly string[] | undefined }
  /** A path relative to the module, e.g. of a program that it starts; the file name may be incomplete. */
  | { readonly kind: "path"; readonly path: string }
  /** A text that may be a path in the project, or the name of a package that is looked up at run time. */
  | { readonly kind: "text"; readonly text: string }

const fromClause = /^(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s*"([^"]+)"/gm
const sideEffect = /^import\s+"([^"]+)"/gm
const dynamicImport = /\bimport\(\s*"([^"]+)"/g
const besideModule = /(?:new URL|import\.meta\.resolve|\.resolve)\(\s*(?:"([^"]*)"|`([^`$]*))/g
const literal = /"((?:@apeiro-cmk\/)?[\w.-]+(?:\/[\w./-]*)?)"/g

/** Lists the references of a TypeScript module, except imports of types, which do not exist at run time. */
export function referencesOf(source: string): readonly Reference[] {
  const references: Reference[] = []
  for (const [, isType, clause = "", specifier = ""] of source.matchAll(fromClause)) {
    if (isType !== undefined) continue
    const names = namesOf(clause)
    if (names?.length !== 0) references.push({ kind: "module", specifier, names })
  }
  for (const [, specifier = ""] of source.matchAll(sideEffect)) {
    references.push({ kind: "module", specifier, names: undefined })
  }
  for (const [, specifier = ""] of source.matchAll(dynamicImport)) {
    references.push({ kind: "module", specifier, names: undefined })
  }
  for (const [, quoted, template] of source.matchAll(besideModule)) {
    references.push({ kind: "path", path: quoted ?? template ?? "" })
  }
  const withoutImports = source.replace(fromClause, "").replace(sideEffect, "")
  for (const [, text = ""] of withoutImports.matchAll(literal)) references.push({ kind: "text", text })
  return references
}

/** The names in `{ a, type B, c as d }`, as the other module exports them. */
function namesOf(clause: string): readonly string[] | undefined {
  const braces = /^\{([^}]*)\}$/s.exec(clause)?.[1]
  if (braces === undefined) return undefined
  return braces
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && !part.startsWith("type "))
    .map((part) => part.split(/\s+as\s+/)[0] ?? part)
}

/** The re-exports of a module, e.g. an `index.ts`: each exported name, with its source. */
export function reexportsOf(
  source: string,
): ReadonlyMap<string, { readonly specifier: string; readonly name: string }> {
  const found = new Map<string, { specifier: string; name: string }>()
  for (const [, clause = "", specifier = ""] of source.matchAll(/^export\s*\{([^}]*)\}\s*from\s*"([^"]+)"/gm)) {
    for (const part of clause.split(",")) {
      const [name = "", exported = name] = part.trim().split(/\s+as\s+/)
      if (name !== "" && !name.startsWith("type ")) found.set(exported, { specifier, name })
    }
  }
  return found
}
