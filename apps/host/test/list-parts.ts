import type { HostClient } from "./host-client.ts"
import { objects } from "./values.ts"

/** Follows the `Link` headers of a list. @returns its parts */
export async function partsOf(client: HostClient, path: string, member: string) {
  const parts: (readonly Record<string, unknown>[])[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer = await client.send("GET", next)
    if (answer.status !== 200) throw new Error(`${next} answered ${answer.status}`)
    parts.push(objects(answer.body[member]))
    const target = /^<([^>]*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1]
    next = target === undefined ? undefined : new URL(target, `http://host${next}`).href.slice("http://host".length)
  }
  return parts
}
