import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { HealthBoard } from "../src/health-board.ts"

const target = { tenantId: "acme", keystoreId: "primary" }

describe("the condition of a keystore", () => {
  it("is unknown before the first call, and healthy after a quick one", () => {
    const board = new HealthBoard(fakeClock())
    expect(board.condition(target)).toBe("unknown")
    board.noteSuccess(target, 3)
    expect(board.condition(target)).toBe("healthy")
    expect(board.averageLatencyMs(target)).toBe(3)
  })

  it("is a warning while the average is slow, by the limit of story 3's HSM", () => {
    const board = new HealthBoard(fakeClock())
    for (let count = 0; count < 20; count += 1) board.noteSuccess(target, 48)
    expect(board.condition(target)).toBe("warning")
    for (let count = 0; count < 20; count += 1) board.noteSuccess(target, 5)
    expect(board.condition(target)).toBe("healthy")
  })

  it("is failing after a failure, and a warning for a minute after it serves again", async () => {
    const clock = fakeClock()
    const board = new HealthBoard(clock)
    board.noteSuccess(target, 3)
    board.noteFailure(target, 900, pluginError("UNREACHABLE", "no answer", "look at the network"))
    expect(board.condition(target)).toBe("failing")
    board.noteSuccess(target, 3)
    expect(board.condition(target)).toBe("warning")
    await clock.advance(60_000)
    expect(board.condition(target)).toBe("healthy")
    expect(board.averageLatencyMs(target)).toBe(3)
  })

  it("is not affected by a caller's fault", () => {
    const board = new HealthBoard(fakeClock())
    board.noteSuccess(target, 3)
    board.noteFailure(target, 1, pluginError("CIPHERTEXT_REJECTED", "altered", "use the right one"))
    expect(board.condition(target)).toBe("healthy")
  })
})
