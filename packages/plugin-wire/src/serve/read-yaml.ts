import { status } from "@grpc/grpc-js"
import { LineCounter, parseDocument, visit } from "yaml"
import { WireError } from "../wire/wire-error.ts"

/**
 * Reads the configuration that a host sends; an empty text is an empty configuration. The parser's own message is not
 * passed on, since it quotes the document.
 *
 * @throws {WireError} INVALID_ARGUMENT - it is not YAML, or has aliases; with line and column
 */
export function readYaml(yaml: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(yaml, { merge: false, lineCounter })
  const refuse = (fault: string, { line, col } = { line: 1, col: 1 }) => {
    throw new WireError(status.INVALID_ARGUMENT, `yamlConfiguration ${fault}: line ${line}, column ${col}.`)
  }
  const [fault] = document.errors
  if (fault !== undefined) refuse("is not valid YAML", fault.linePos?.[0])
  // A few aliases can expand one line to a gigabyte.
  visit(document, {
    Alias: (_key, { range }) => refuse("may not hold aliases", lineCounter.linePos(range?.[0] ?? 0)),
  })
  return document.toJS() ?? {}
}
