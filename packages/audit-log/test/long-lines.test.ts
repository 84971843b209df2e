import { describe, expect, it } from "vitest"
import { verifyExport } from "../src/index.ts"

async function* lines(line: string) {
  yield line
}

describe("an export that was made to hurt its verifier", () => {
  it.each([
    ["nested deeply", `${"[".repeat(40_000)}${"]".repeat(40_000)}`],
    ["nested deeply inside of an entry", `{"index":0,"leaf":${"[".repeat(40_000)}${"]".repeat(40_000)}}`],
    ["longer than any line", `{"index":0,"leaf":"${"A".repeat(1_000_000)}"}`],
    [
      "an entry with a long unknown member",
      `{"index":0,"leaf":"${Buffer.from(`{"${"m".repeat(50_000)}":1}`).toString("base64")}"}`,
    ],
  ])("is refused in a short message: %s", async (_, line) => {
    const refused = await verifyExport(lines(line)).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: "AUDIT_EXPORT_INVALID", message: expect.stringMatching(/^.{1,400}$/) })
  })
})
