/** Answer of a handler: a document, a stream of lines, or no content. */
export type Answer<Body> =
  | {
      readonly kind: "document"
      readonly body: Body
      readonly headers: Readonly<Record<string, string>>
      readonly status?: number
    }
  | { readonly kind: "lines"; readonly lines: AsyncIterable<string> }
  | { readonly kind: "nothing" }

/** Answers with a JSON document. */
export function document<Body>(body: Body, headers: Readonly<Record<string, string>> = {}): Answer<Body> {
  return { kind: "document", body, headers }
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
