import type { CheckResult } from "@apeiro-cmk/plugin-sdk"
import { orMisspelt } from "../errors.ts"
import type { Check } from "./connection-check.ts"
import { type Excess, excessesOn, isolationOf } from "./policy-excess.ts"

/**
 * Compares the capabilities of the token (`sys/capabilities-self`) with what the plugin needs, and with what a
 * credential that only wraps keys should not have.
 */
export const checkPolicy: Check = async ({ keystore, place }, call) => {
  const { mountPath } = place
  const { keyId } = keystore.defaultKey
  const needed = [`${mountPath}/encrypt/${keyId}`, `${mountPath}/decrypt/${keyId}`]
  const isolation = isolationOf(mountPath, keyId)
  const excesses = [...isolation, ...excessesOn(mountPath, keyId)]
  const paths = [...new Set([...needed, ...excesses.map(({ path }) => path)])]
  const granted = await place.client.capabilities(paths, call)
  if (granted === "withheld") return unseen()

  const holds = (path: string, capability: string) => {
    const held = granted.get(path) ?? []
    return held.includes(capability) || held.includes("root")
  }
  const missing = needed.filter((path) => !holds(path, "update"))
  if (missing.length > 0) {
    return {
      outcome: "failed",
      code: "DENIED",
      message: `The policy lacks "update" on ${missing.join(" and on ")}.`,
      nextStep: `Apply the policy of the set-up material, ${orMisspelt}.`,
      facts: { policies_applied: "unverified" },
    }
  }
  if ([...granted.values()].some((held) => held.includes("root"))) {
    return {
      outcome: "warned",
      message: "The credential has the policy root, which nothing limits.",
      nextStep: "Use a credential that has only the policy of the set-up material.",
      facts: { policies_applied: "unverified" },
    }
  }
  const tooMany = ({ path, needed }: Excess) => (granted.get(path) ?? []).filter((each) => !isHarmless(each, needed))
  const found = excesses.filter((each) => tooMany(each).length > 0)
  const isolated = !isolation.some((each) => found.includes(each))
  const facts = { policies_applied: isolated ? "verified" : "unverified" }
  if (found.length > 0) {
    return {
      outcome: "warned",
      message: `The policy allows more than is needed: ${found.map((each) => named(each, tooMany(each))).join("; ")}.`,
      nextStep: "Replace it with the policy of the set-up material.",
      facts,
    }
  }
  return { outcome: "passed", message: "The policy allows what is needed on this key, and nothing else.", facts }
}

function unseen(): CheckResult {
  return {
    outcome: "warned",
    message:
      "The policy does not allow the token to list its capabilities, so it is unknown whether it allows too much.",
    nextStep: 'Grant "update" on sys/capabilities-self, or attach the default policy.',
    facts: { policies_applied: "unverified" },
  }
}

function isHarmless(capability: string, needed: readonly string[]): boolean {
  return capability === "deny" || needed.includes(capability)
}

function named({ shownAs, because }: Excess, capabilities: readonly string[]): string {
  return `${capabilities.map((each) => `"${each}"`).join(", ")} on ${shownAs} (${because})`
}
