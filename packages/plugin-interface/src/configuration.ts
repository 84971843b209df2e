import type { JsonValue } from "./json.ts"
import type { ConfigurationIssue } from "./plugin-error.ts"

/** Outcome of parsing a configuration: the parsed value, or every issue at once. */
export type ConfigurationResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly ConfigurationIssue[] }

/** Parses one of a plugin's configurations. Pure. */
export interface ConfigurationParser<T> {
  parse(input: unknown): ConfigurationResult<T>
}

/** A keystore configuration as an administrator wrote it, with each secret replaced by a `SecretHandle`. */
export type KeystoreConfigurationInput = { readonly [key: string]: unknown }

/** Plain data of a keystore configuration, as it is stored and shown: secrets left out or referenced. */
export type KeystoreConfigurationDocument = { readonly [key: string]: JsonValue }
