import { pluginErrorCodes } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { status } from "@grpc/grpc-js"
import { describe, expect, it } from "vitest"
import { pluginErrorOf } from "../src/errors/plugin-error-info.ts"
import { foreignKeystoreCode, keystoreWireError, wireError } from "../src/errors/upstream-errors.ts"
import { WireError } from "../src/index.ts"

const noSuchKey = "key not found in the keystore provider"
const ofOurs = (code: (typeof pluginErrorCodes)[number]) => pluginError(code, "Our message.", "Our next step.")

describe("errors on the wire", () => {
  it.each(pluginErrorCodes)("come back as they went: %s", (code) => {
    for (const translate of [wireError, keystoreWireError]) {
      const restored = pluginErrorOf(translate(ofOurs(code)))
      const { origin, retryable } = ofOurs(code)
      expect(restored).toMatchObject({
        ...{ code, message: "Our message.", nextStep: "Our next step.", origin, retryable },
      })
    }
  })

  it("use upstream's message for a missing key, and only for a key", () => {
    expect(keystoreWireError(ofOurs("KEY_NOT_FOUND"))).toMatchObject({ code: status.NOT_FOUND, message: noSuchKey })
    expect(keystoreWireError(ofOurs("NOT_FOUND"))).toMatchObject({ code: status.NOT_FOUND, message: "Our message." })
    expect(wireError(ofOurs("NOT_FOUND"))).toMatchObject({ code: status.NOT_FOUND, message: "Our message." })
  })

  it("of a plugin in upstream's own terms mean a missing key only by the exact message", () => {
    expect(foreignKeystoreCode(new WireError(status.NOT_FOUND, noSuchKey))).toBe("KEY_NOT_FOUND")
    expect(foreignKeystoreCode(new WireError(status.NOT_FOUND, "no such thing"))).toBe("NOT_FOUND")
  })
})
