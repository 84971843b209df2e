/** A JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A JSON Schema document (draft 7), as plain data. A property marked `writeOnly: true` is a secret. */
export type JsonSchema = { readonly [key: string]: JsonValue }
