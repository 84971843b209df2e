import type { JsonValue, PluginKind } from "@apeiro-cmk/plugin-interface"
import type { KeystorePoolBounds } from "@apeiro-cmk/plugin-sdk"
import type * as z from "zod"
import type { ProfileProblem } from "../errors.ts"
import type { listenerSchema } from "./listener-schema.ts"
import type { processLogLevels } from "./profile-schema.ts"
import type { quotasSchema } from "./quotas-schema.ts"
import type { PlacedReference } from "./reference.ts"
import type { Path } from "./yaml-tree.ts"

/** Address on which one of the host's servers listens, and its bounds. A port of 0 takes any free one. */
export type Listener = Readonly<z.output<ReturnType<typeof listenerSchema>>>

/** How much each tenant may store. */
export type Quotas = Readonly<z.output<typeof quotasSchema>>

/** Importance of a line in the log of a plugin's process. */
export type ProcessLogLevel = (typeof processLogLevels)[number]

/** One plugin of a profile. */
export interface PluginEntry<Kind extends PluginKind = PluginKind> {
  /** Unique in the profile. */
  readonly name: string
  readonly kind: Kind
  /** npm package; absent for an executable. */
  readonly package?: string
  /** Executable, absolute. */
  readonly path?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** SHA-256 of the executable, hexadecimal. */
  readonly checksum?: string
  /** Configuration of an executable: text that is handed over unchanged. */
  readonly yamlConfiguration?: string
  readonly logLevel: ProcessLogLevel
  readonly isolation: "in-process" | "process"
  readonly onFailure: "abort" | "continue"
  readonly tags: readonly string[]
  /** Its configuration as the profile's file writes it: with references, without their values. */
  readonly shownConfiguration: JsonValue
  /** The references in its configuration; their paths start at the configuration. */
  readonly references: readonly PlacedReference[]
  /**
   * Returns its configuration with the values of `env` and `file` references. A function, so that printing the entry
   * prints no secret. `credential` references are still mappings.
   */
  resolvedConfiguration(): JsonValue
  /** Makes a problem in this entry; the path starts at the entry. */
  problem(path: Path, part: "key" | "value", message: string, allowed?: readonly string[]): ProfileProblem
  /** Tells whether the profile's file has a value at this path of the entry. */
  has(path: Path): boolean
}

/** Location of the host's records. */
export interface DatabaseSettings {
  /** `sqlite:///absolute/path`, or a `postgres:` URL without a password. */
  readonly url: string
  /** Reads the password from its reference; called for each new connection. */
  readonly readPassword?: () => Promise<string>
  /** Most connections to PostgreSQL at once. */
  readonly maximumConnections?: number
}

/** A profile that was read and found sound. All paths but `file` are absolute. */
export interface LoadedProfile {
  /** The file, as the caller named it; messages name it the same. */
  readonly file: string
  /** Folder of the file: relative paths and packages start here. */
  readonly folder: string
  readonly mode: "development" | "production"
  readonly listeners: { readonly api: Listener; readonly operations: Listener }
  readonly quotas: Quotas
  readonly persistence: DatabaseSettings
  readonly dataDirectory: string
  readonly credentialDirectory: string
  readonly credentialStore: {
    /** File of the root key. */
    readonly root: string
  }
  /** Bounds of opened keystores. Absent in a profile that was not read from a file: the defaults hold. */
  readonly openedKeystores?: KeystorePoolBounds
  readonly plugins: readonly PluginEntry[]
  /** The document as it was written, with unresolved references: safe to show. */
  readonly shown: JsonValue
}
