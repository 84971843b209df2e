/** Gives a body at the moment when it is sent, or refuses to: then it rejects, and nothing has been sent. */
export type GiveLeased<Body> = (
  /** Makes the body ready to be sent, and returns what sends it, synchronously. */
  prepare: (body: Body) => () => void,
) => Promise<void>

/** Answer of a handler: a document, one that may be sent only under a lease, a stream of lines, or no content. */
export type Answer<Body> =
  | {
      readonly kind: "document"
      readonly body: Body
      readonly headers: Readonly<Record<string, string>>
      readonly status?: number
    }
  | { readonly kind: "leased"; readonly give: GiveLeased<Body> }
  | { readonly kind: "lines"; readonly lines: AsyncIterable<string> }
  | { readonly kind: "nothing" }

/** Answers with a JSON document. */
export function document<Body>(body: Body, headers: Readonly<Record<string, string>> = {}): Answer<Body> {
  return { kind: "document", body, headers }
}

/** Answers with a JSON document that holds what may leave only under a lease. Nobody else keeps its text. */
export function leased<Body>(give: GiveLeased<Body>): Answer<Body> {
  return { kind: "leased", give }
}

/** Answers 201 with a JSON document and the path at which it can be read again. */
export function created<Body>(
  location: string,
  body: Body,
  headers: Readonly<Record<string, string>> = {},
): Answer<Body> {
  return { kind: "document", body, headers: { ...headers, Location: location } }
}

/** Answers with JSON lines (`application/x-ndjson`) as they come; each line is one JSON text without its line feed. */
export function lines<Body>(source: AsyncIterable<string>): Answer<Body> {
  return { kind: "lines", lines: source }
}

/** Answers 204. */
export function nothing<Body>(): Answer<Body> {
  return { kind: "nothing" }
}
