import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { KeyHierarchyError } from "../src/index.ts"
import { hostCall, openHierarchy } from "./in-memory.ts"

const leaseMs = 30_000

type Step =
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "jumpWall"; readonly ms: number }
  | { readonly kind: "l1"; readonly answers: "well" | "UNREACHABLE" | "DENIED" | "KEY_DISABLED" }
  | { readonly kind: "call" }
  | { readonly kind: "epoch" }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ kind: "call" }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 20_000 }).map<Step>((ms) => ({ kind: "advance", ms })) },
  { weight: 1, arbitrary: fc.integer({ min: -40_000, max: 40_000 }).map<Step>((ms) => ({ kind: "jumpWall", ms })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom("well" as const, "UNREACHABLE" as const, "DENIED" as const, "KEY_DISABLED" as const)
      .map<Step>((answers) => ({ kind: "l1", answers })),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "epoch" }) },
)

const isLeaseEnded = (error: unknown) => error instanceof KeyHierarchyError && error.code === "LEASE_ENDED"

describe("leases, in any order of events", () => {
  it("serve only within a lease of a decrypt that L1 did, and never after a denial that came later", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { hierarchy, clock, keys, l1 } = await openHierarchy({ leaseMs })
        let epoch = 1
        // The answers of L1 in order, each with the moment of its request.
        const answers: { readonly monotonicMs: number; readonly wallMs: number; readonly well: boolean }[] = []
        let denied = false
        const { decrypt } = l1.port
        l1.port.decrypt = async (request, call) => {
          const asked = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }
          try {
            const answer = await decrypt(request, call)
            answers.push({ ...asked, well: true })
            denied = false
            return answer
          } catch (error) {
            answers.push({ ...asked, well: false })
            denied ||= state !== "UNREACHABLE"
            throw error
          }
        }
        let state: Extract<Step, { kind: "l1" }>["answers"] = "well"
        await hierarchy.createServiceKey("acme", "billing", hostCall())
        for (const each of steps) {
          if (each.kind === "advance") await clock.advance(each.ms)
          else if (each.kind === "jumpWall") clock.jumpWall(each.ms)
          else if (each.kind === "epoch") keys.custodies.set("acme", { epoch: ++epoch, leaseMs })
          else if (each.kind === "l1") {
            state = each.answers
            l1.fail(state === "well" ? undefined : state)
          } else {
            const deniedBefore = denied
            const generate = () => hierarchy.generateDataKey("acme", "billing", hostCall())
            // The renewal that a call starts can end the lease before the answer: then the next one decides.
            const retried = (error: unknown) => (isLeaseEnded(error) ? generate() : Promise.reject(error))
            const served = await generate()
              .catch(retried)
              .then(
                () => true,
                () => false,
              )
            // Lets a renewal that this call started come to its end.
            await clock.advance(0)
            if (served) {
              const last = answers.findLast(({ well }) => well)
              expect(last).toBeDefined()
              expect(clock.monotonicMs() - (last?.monotonicMs ?? 0)).toBeLessThan(leaseMs)
              expect(clock.nowMs() - (last?.wallMs ?? 0)).toBeLessThan(leaseMs)
              expect(deniedBefore && state !== "well").toBe(false)
            } else {
              expect(state).not.toBe("well")
            }
          }
        }
        await hierarchy.close()
        expect(clock.pendingTimers()).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
