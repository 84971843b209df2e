import type { JsonAnswer } from "./json-server.ts"

/** A refusal of a reference server; its name is the answer. */
export class Refusal extends Error {
  constructor(name: string) {
    super(name)
    this.name = name
  }
}

/** The operations of a reference server, by their names. */
export type Operations = Readonly<Record<string, (input: unknown) => unknown>>

/** Answers a request `{operation, ...input}` by the operation of this name. Every server knows `status`. */
export function answerBy(operations: Operations, body: unknown): JsonAnswer {
  const name = typeof body === "object" && body !== null && "operation" in body ? String(body.operation) : ""
  if (name === "status") return { status: 200, body: { version: "1" } }
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
  if (operation === undefined) return { status: 400, body: { error: "bad-request" } }
  try {
    return { status: 200, body: operation(body) ?? {} }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { status: 409, body: { error: error.name } }
  }
}
