import type * as z from "zod"

/** Names the variable that holds the address of the servers that the test files of a run share. */
export const sharedServersVariable = "APEIRO_CMK_SHARED_SERVERS"

/** Servers that test files can share. */
export type SharedServerName = "postgres" | "kubernetes"

/**
 * Asks for the connection to a shared server, which starts with the first request for it.
 *
 * @returns `undefined` where no servers are shared, e.g. when vitest is called directly
 */
export async function askShared<Shape extends z.ZodType>(
  name: SharedServerName,
  shape: Shape,
): Promise<z.output<Shape> | undefined> {
  const address = process.env[sharedServersVariable]
  if (address === undefined) return undefined
  const answer = await fetch(`${address}/${name}`)
  if (!answer.ok) throw new Error(`The shared server ${name} did not start: ${await answer.text()}`)
  return shape.parse(await answer.json())
}
