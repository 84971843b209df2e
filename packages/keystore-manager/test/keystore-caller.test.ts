import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import type { CallStage, KeystoreAttempt, KeystoreRecord } from "../src/index.ts"
import { at, secretText, setUp, toyDocument } from "./set-up.ts"
import { callerOf } from "./stages.ts"

const context = { tenantId: "acme", keyId: "tenant-key", keyVersion: 1 }

async function saved() {
  const all = setUp()
  const record = await all.manager.add("acme", toyDocument(), all.call())
  return { ...all, record, caller: all.manager.caller }
}

describe("a list of stages", () => {
  it("surrounds the call, the first stage outermost", async () => {
    const order: string[] = []
    const stage = (name: string): CallStage => ({
      async run(attempt, next) {
        order.push(`${name} begins`)
        const result = await next(attempt)
        order.push(`${name} ends`)
        return result
      },
    })
    const caller = callerOf([stage("first"), stage("second")])
    const answer = await caller.call(undefined, setUp().call(), async () => {
      order.push("call")
      return "answer"
    })
    expect(answer).toBe("answer")
    expect(order).toEqual(["first begins", "second begins", "call", "second ends", "first ends"])
  })

  it("may refuse a call before the keystore is asked, or make it again", async () => {
    const refuse: CallStage = { run: () => Promise.reject(pluginError("THROTTLED", "Full.", "Wait.")) }
    const twice: CallStage = { run: (attempt, next) => next(attempt).catch(() => next(attempt)) }
    let calls = 0
    const work = async () => {
      calls += 1
      throw pluginError("UNREACHABLE", "No answer.", "Wait.")
    }
    const { call } = setUp()
    await expect(callerOf([refuse]).call(undefined, call(), work)).rejects.toMatchObject({ code: "THROTTLED" })
    expect(calls).toBe(0)
    await expect(callerOf([twice]).call(undefined, call(), work)).rejects.toMatchObject({ code: "UNREACHABLE" })
    expect(calls).toBe(2)
  })

  it("passes on what a stage makes of the attempt", async () => {
    const renamed: CallStage = {
      run: (attempt: KeystoreAttempt, next) =>
        next({ ...attempt, options: { ...attempt.options, requestId: "other" } }),
    }
    const seen = await callerOf([renamed]).call(undefined, setUp().call(), async ({ requestId }) => requestId)
    expect(seen).toBe("other")
  })
})

describe("a call to what is not saved", () => {
  it("has a deadline, and neither budget nor health", async () => {
    const { manager, call, clock } = await saved()
    const refused = expect(
      manager.caller.call(undefined, call(), () => new Promise(() => undefined)),
    ).rejects.toMatchObject({ code: "TIMED_OUT" })
    await clock.advance(8_000)
    await refused
    expect(await manager.health("acme", "primary")).toMatchObject({ condition: "unknown" })
  })

  it("turns what no plugin may throw into INTERNAL, without its text", async () => {
    const { manager, call } = await saved()
    const work = async () => {
      throw new Error(`a vendor's error with ${secretText} inside`)
    }
    const error = await manager.caller.call(undefined, call(), work).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "INTERNAL", origin: "plugin" })
    expect(String(error)).not.toContain(secretText)
  })
})

describe("a call while its keystore is changed", () => {
  async function changing(followsRevisions: boolean) {
    const { manager, caller, record, call } = await saved()
    const seen: string[] = []
    const work = async (_: unknown, options: CallOptions, current: KeystoreRecord) => {
      seen.push(`revision ${current.revision} of ${options.keystoreId}`)
      if (current.revision > 1) return "answer"
      await manager.change("acme", "primary", toyDocument({ note: "x" }).configuration, at(1), call())
      throw pluginError("CREDENTIAL_REJECTED", "The token is not accepted.", "Enter a valid token.")
    }
    return { seen, outcome: caller.use(record, call(), work, { followsRevisions }) }
  }

  it("is made once more under the new revision, where it follows revisions", async () => {
    const { seen, outcome } = await changing(true)
    expect(await outcome).toBe("answer")
    expect(seen).toEqual(["revision 1 of primary", "revision 2 of primary"])
  })

  it("fails where it does not", async () => {
    const { seen, outcome } = await changing(false)
    await expect(outcome).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    expect(seen).toEqual(["revision 1 of primary"])
  })

  it("is not made again for a failure without a change", async () => {
    const { caller, record, call } = await saved()
    let calls = 0
    const work = async () => {
      calls += 1
      throw pluginError("UNREACHABLE", "No answer.", "Wait.")
    }
    await expect(caller.use(record, call(), work, { followsRevisions: true })).rejects.toMatchObject({
      code: "UNREACHABLE",
    })
    expect(calls).toBe(1)
  })
})

describe("the health of a keystore", () => {
  it("does not suffer from a deadline that ends before the keystore is asked", async () => {
    const { manager, operationCounts, call, clock } = setUp()
    await manager.add("acme", toyDocument({ operations_per_hour: 400 }), call())
    await manager.activate("acme", "primary", call())
    await clock.advance(3_600_000)
    operationCounts.takeOperations = () => new Promise(() => undefined)
    const request = { keystoreId: "primary", plaintext: new Uint8Array(32), context }
    const refused = expect(manager.l1.encrypt(request, call())).rejects.toMatchObject({ code: "TIMED_OUT" })
    await clock.advance(8_000)
    await refused
    expect(await manager.health("acme", "primary")).toMatchObject({ last: { outcome: "success" } })
  })
})
