import { AsyncLocalStorage } from "node:async_hooks"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { giveTogether } from "../src/index.ts"
import { hostCall, openHierarchy } from "./in-memory.ts"
import { settle } from "./warm-lease.ts"

/** One renewal, as the database and L1 see it. Moments are counted in events. */
interface Renewal {
  beganAt: number
  epoch: number
}

const event = fc.constantFrom("billing", "payroll", "billing", "payroll", "deny", "allow", "epoch", "wait")

describe("a lease that was dropped", () => {
  it("is not granted to a renewal that began before, in whatever order things happen", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(event, { minLength: 4, maxLength: 25 }), async (scheduler, events) => {
        const world = await openScheduled(scheduler)
        for (const each of events) {
          if (each === "wait") await world.oneAnswer()
          else if (each === "deny" || each === "allow") world.owner(each)
          else if (each === "epoch") world.newEpoch()
          else world.call(each)
        }
        await world.end()
      }),
      { numRuns: 300 },
    )
  })
})

/** Opens a tenant with two tenant keys, in which every answer of the database and of L1 comes when the scheduler says. */
async function openScheduled(scheduler: fc.Scheduler) {
  const leaseMs = 30_000
  const opened = await openHierarchy({ leaseMs })
  const { leased, hierarchy, keys, l1, clock } = opened
  await hierarchy.createServiceKey("acme", "billing", hostCall())
  keys.tenantKeys.push(await opened.prepare("acme", "secondary"))
  await hierarchy.createServiceKey("acme", "payroll", hostCall())
  await opened.cold()

  let now = 0
  let epoch = 1
  let newestEpochRead = 0
  let droppedAt = 0
  let isAllowed = true
  const granted = new Map<string, Renewal[]>([
    ["primary", []],
    ["secondary", []],
  ])
  // A renewal runs in the context of the call that started it.
  const renewals = new AsyncLocalStorage<Renewal>()
  const { custody } = keys.repository
  keys.repository.custody = async (tenantId) => {
    const renewal = renewals.getStore()
    const beganAt = ++now
    const read = await custody(tenantId)
    await scheduler.schedule(Promise.resolve(), "custody")
    if (renewal !== undefined) Object.assign(renewal, { beganAt, epoch: read?.epoch })
    newestEpochRead = Math.max(newestEpochRead, read?.epoch ?? 0)
    return read
  }
  const { tenantKey } = keys.repository
  keys.repository.tenantKey = async (...key) => {
    await scheduler.schedule(Promise.resolve(), "tenant key")
    return tenantKey(...key)
  }
  const { decrypt } = l1.port
  l1.port.decrypt = async (request, call) => {
    const isDenied = !isAllowed
    await scheduler.schedule(Promise.resolve(), "decrypt")
    if (isDenied) {
      droppedAt = ++now
      throw pluginError("DENIED", "in-memory: denied", "Nothing: a test.")
    }
    const opening = await decrypt(request, call)
    granted.get(request.keystoreId)?.push({ ...(renewals.getStore() ?? { beganAt: 0, epoch: 0 }) })
    return opening
  }

  const call = async (name: string) => {
    const settled = await Promise.allSettled([leased.generateDataKey("acme", name, hostCall())])
    await giveTogether(settled, ([outcome]) => () => {
      if (outcome?.status !== "fulfilled") return
      const since = granted.get(name === "billing" ? "primary" : "secondary") ?? []
      expect(since.some((one) => one.beganAt > droppedAt && one.epoch >= newestEpochRead)).toBe(true)
    })
  }
  const calls: Promise<void>[] = []
  return {
    oneAnswer: async () => {
      await settle()
      if (scheduler.count() > 0) await scheduler.waitOne()
      // The renewal that waited has read the answer before the next event.
      await settle()
    },
    owner: (decision: "deny" | "allow") => {
      isAllowed = decision === "allow"
    },
    newEpoch: () => keys.custodies.set("acme", { epoch: ++epoch, leaseMs }),
    call: (name: string) => void calls.push(renewals.run({ beganAt: 0, epoch: 0 }, () => call(name))),
    end: async () => {
      await scheduler.waitFor(Promise.all(calls))
      await scheduler.waitFor(hierarchy.close())
      expect(clock.pendingTimers()).toBe(0)
    },
  }
}
