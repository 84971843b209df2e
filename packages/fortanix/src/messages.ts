/** One request to DSM. */
export interface DsmRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  /** Path with its query, e.g. `/crypto/v1/keys?limit=10`; each part is already escaped. */
  readonly path: string
  /** JSON. If it carries a secret, the caller fills it with zeros afterwards. */
  readonly body?: Uint8Array
  /** Name of a base64 field of the answer that is key material: see {@link DsmAnswer.secret}. */
  readonly secretField?: string
}

/** An answer of DSM, success or not. */
export interface DsmAnswer {
  readonly status: number
  /** The parsed body of a success; `undefined` where it is empty or not JSON. */
  readonly json: unknown
  /** DSM's own words for a refusal: plain text to match, never to show unredacted. */
  readonly words: string
  /** The decoded bytes of the field that the request named as secret. The caller fills them with zeros. */
  readonly secret: Uint8Array | undefined
}
