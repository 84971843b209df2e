import { describe, expect, it } from "vitest"
import { UnwrappedSecretIds } from "../src/index.ts"

describe("unwrapped secret ids", () => {
  it("are unwrapped once, and forgotten oldest first, as are the tokens whose answer was lost", async () => {
    const secretIds = new UnwrappedSecretIds()
    const unwrapped: string[] = []
    const once = (token: string) =>
      secretIds.once(token, async () => {
        unwrapped.push(token)
        return `${token}-id`
      })
    for (let number = 0; number < 17; number += 1) {
      expect(await once(`token-${number}`)).toBe(`token-${number}-id`)
      secretIds.answerWasLost(`lost-${number}`)
    }
    await once("token-16")
    expect(unwrapped).toHaveLength(17)
    await once("token-0")
    expect(unwrapped).toHaveLength(18)
    expect(["lost-0", "lost-1", "lost-16"].map((token) => secretIds.hasLostAnswer(token))).toEqual([false, true, true])
  })
})
