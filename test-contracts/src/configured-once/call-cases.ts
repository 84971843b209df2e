import assert from "node:assert/strict"
import { inspect } from "node:util"
import { isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { assertSoundError } from "../cases/error-rules.ts"
import {
  cancellation,
  expectPromptRejection,
  expectRejection,
  expectRejectionOf,
  expiry,
} from "../cases/expectations.ts"
import { openSocketsOf } from "../cases/open-sockets.ts"
import { within } from "../cases/within.ts"
import type { PluginCase, PluginCaseContext } from "./case-context.ts"

const promptlyMs = 2_000

export const callCases: readonly PluginCase[] = [
  {
    name: "answers every call, or rejects with a sound error",
    async run({ plugin, calls, call }) {
      await plugin.start(call().signal)
      for (const { name, start } of calls) {
        const error = await errorOf(start(call({ timeoutMs: promptlyMs })))
        if (error === undefined) continue
        assert.ok(isPluginError(error), `${name} must reject with a PluginError, and rejected with ${inspect(error)}`)
        assertSoundError(error)
      }
    },
  },
  {
    name: "rejects every call whose caller has given up already, with CANCELLED",
    run: (opened) => expectReasonOfEveryCall(opened, cancellation()),
  },
  {
    name: "rejects every call whose deadline has passed already, with TIMED_OUT",
    run: (opened) => expectReasonOfEveryCall(opened, expiry()),
  },
]

/** One case for each capability that the plugin does not declare. */
export function undeclaredCapabilityCase(capability: string): PluginCase {
  return {
    name: `rejects ${capability} with UNSUPPORTED`,
    async run({ plugin, undeclared, call }) {
      await plugin.start(call().signal)
      const refused = undeclared.find(({ name }) => name === capability)
      assert.ok(refused !== undefined, `the kit has no call for ${capability}`)
      await expectRejection(refused.start(call()), "UNSUPPORTED")
    },
  }
}

/** Cases for a backend behind a proxy. */
export const networkCases: readonly PluginCase[] = [
  {
    name: "rejects every call while connections are refused, and works again afterwards",
    async run({ plugin, calls, proxied, call }) {
      await plugin.start(call().signal)
      await proxied.setMode("refuse")
      for (const { start } of calls) await expectRejectionOf(start(call()), ["UNREACHABLE", "TIMED_OUT"])
      await proxied.setMode("pass")
      for (const { name, start } of calls) {
        const error = await errorOf(start(call()))
        const code = isPluginError(error) ? error.code : "none"
        assert.notEqual(code, "UNREACHABLE", `${name} does not reach the backend again`)
      }
    },
  },
  {
    name: "rejects promptly with CANCELLED when its caller gives up while the backend is silent",
    async run({ plugin, calls, proxied, call }) {
      await plugin.start(call().signal)
      await proxied.setMode("blackHole")
      for (const { start } of calls) {
        const caller = new AbortController()
        const underWay = proxied.nextSwallowedBytes()
        const work = start(call({ signal: caller.signal }))
        const rejected = expectRejection(work, "CANCELLED")
        // A call that settles now never asked the backend: the rejection shows why.
        await Promise.race([underWay, rejected])
        caller.abort(cancellation())
        await within(rejected, promptlyMs)
      }
    },
  },
  {
    name: "rejects with TIMED_OUT when the deadline passes while the backend is silent",
    async run({ plugin, calls, proxied, call }) {
      await plugin.start(call().signal)
      await proxied.setMode("blackHole")
      const late = calls.map(({ start }) => expectRejection(start(call({ timeoutMs: 300 })), "TIMED_OUT"))
      await within(Promise.all(late), promptlyMs)
    },
  },
  {
    name: "leaves no connection open after the stop",
    async run({ plugin, calls, proxied, call }) {
      await plugin.start(call().signal)
      for (const { start } of calls) await errorOf(start(call()))
      await plugin.stop()
      assert.equal(await openSocketsOf(proxied), 0)
    },
  },
]

async function expectReasonOfEveryCall({ plugin, calls, call }: PluginCaseContext, reason: PluginError): Promise<void> {
  await plugin.start(call().signal)
  for (const { start } of calls) {
    await expectPromptRejection(start(call({ signal: AbortSignal.abort(reason) })), reason.code)
  }
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}
