import * as z from "zod"

/** Content of `providerParams`: the key and the version that the material is wrapped for. */
export interface ProviderParams {
  readonly key: string
  readonly version: number
}

const shape = z.strictObject({ key: z.string().max(128), version: z.int().positive() })

/** Encodes the parameters as one opaque word. They are not secret, and prevent mistakes, not attacks. */
export function encodeProviderParams({ key, version }: ProviderParams): string {
  return Buffer.from(JSON.stringify({ key, version })).toString("base64url")
}

/** Decodes the parameters. @returns `undefined` when they do not come from this plugin */
export function decodeProviderParams(text: string): ProviderParams | undefined {
  if (text.length > 500) return undefined
  try {
    return shape.safeParse(JSON.parse(Buffer.from(text, "base64url").toString("utf8"))).data
  } catch {
    return undefined // not JSON: the caller reports what is expected
  }
}
