import * as z from "zod"

/** What `providerParams` carries: for which key, and for which of its versions, material was wrapped. */
export interface ProviderParams {
  readonly key: string
  readonly version: number
}

const shape = z.strictObject({ key: z.string().max(128), version: z.int().positive() })

/** Writes the parameters as one opaque word; they are no secret, and protect against mistakes, not attacks. */
export function encodeProviderParams({ key, version }: ProviderParams): string {
  return Buffer.from(JSON.stringify({ key, version })).toString("base64url")
}

/** @returns `undefined` when these are no parameters of this plugin */
export function decodeProviderParams(text: string): ProviderParams | undefined {
  if (text.length > 500) return undefined
  try {
    return shape.safeParse(JSON.parse(Buffer.from(text, "base64url").toString("utf8"))).data
  } catch {
    return undefined // no JSON: the caller says what is expected
  }
}
