import { CodedError } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { apiErrorCodes } from "../src/problems/error-status.ts"
import { problemOf } from "../src/problems/problem.ts"

const place = "/srv/operator/host.sqlite at database.internal:5432"

/** Codes of errors about the operator's installation, as their names say. */
const ofInstallation = apiErrorCodes.filter((code) =>
  /^(DATABASE|SCHEMA|PROFILE|SECRET_REFERENCE|ROOT_KEY|ADMINISTRATOR_TOKEN|PORT|LISTEN|PLUGIN)_/.test(code),
)
/** The caller's own fault, although its name begins like one of a plugin. */
const ofCallers = ["PLUGIN_TYPE_UNKNOWN"]

describe("a problem", () => {
  it("about the operator's installation never says where it is", () => {
    const codes = ofInstallation.filter((code) => !ofCallers.includes(code))
    expect(codes.length).toBeGreaterThan(25)
    for (const code of codes) {
      const facts = { origin: "host", retryable: true, nextStep: "Look at the disk." } as const
      const error = new CodedError(code, `It failed at ${place}.`, { ...facts, cause: new Error(place) })
      const problem = problemOf(error, "request-1")
      expect(problem).toMatchObject({ code, origin: "host", retryable: true })
      expect(JSON.stringify(problem)).not.toMatch(/srv|internal|5432/)
    }
  })

  it("of a foreign error reveals nothing of it", () => {
    for (const code of ["ENOSPC", "EACCES", "EROFS", "ECONNREFUSED"]) {
      const error = Object.assign(new Error(`${code}: open '${place}'`), { code, path: place })
      const problem = problemOf(error, "request-1")
      expect(problem).toMatchObject({ code: "INTERNAL", status: 500 })
      expect(JSON.stringify(problem)).not.toMatch(/srv|internal|5432/)
    }
  })
})
