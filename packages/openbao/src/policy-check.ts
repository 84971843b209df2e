import type { Check, CheckResult } from "./connection-check.ts"
import { orMisspelt } from "./errors.ts"

/** A right that the token should not have: where, which, and why not. */
interface Excess {
  readonly path: string
  readonly capabilities: readonly string[]
  readonly because: string
}

/** No key has this name; a token that may use it may use any. */
const neighbour = "apeiro-cmk-neighbour"

const anyAccess = ["create", "read", "update", "patch", "delete", "list", "sudo"]

/**
 * Holds what OpenBao says that the token may do (`sys/capabilities-self`) against what the plugin needs, and against what
 * nobody should have who only wraps keys.
 */
export const checkPolicy: Check = async ({ keystore, place }, call) => {
  const { mountPath } = place
  const { keyId } = keystore.defaultKey
  const needed = [`${mountPath}/encrypt/${keyId}`, `${mountPath}/decrypt/${keyId}`]
  const isolation = excess(mountPath, neighbour).slice(0, 2)
  const excesses = [...needed.map(createOn), ...isolation, ...keyExcesses(mountPath, keyId)]
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
      nextStep: `Write the policy that the set-up material has; ${orMisspelt}.`,
      facts: { policies_applied: "unverified" },
    }
  }
  if ([...granted.values()].some((held) => held.includes("root"))) {
    return {
      outcome: "warned",
      message: "The credential is root: no policy limits it.",
      nextStep: "Use a credential that has only the policy of the set-up material.",
      facts: { policies_applied: "unverified" },
    }
  }
  const found = excesses.filter(({ path, capabilities }) => capabilities.some((each) => holds(path, each)))
  const isolated = !isolation.some((each) => found.includes(each))
  const facts = { policies_applied: isolated ? "verified" : "unverified" }
  if (found.length > 0) {
    return {
      outcome: "warned",
      message: `The policy allows more than is needed: ${found.map(({ because }) => because).join("; ")}.`,
      nextStep: "Narrow the policy to the one of the set-up material.",
      facts,
    }
  }
  return { outcome: "passed", message: "The policy allows what is needed on this key, and nothing beside it.", facts }
}

function unseen(): CheckResult {
  return {
    outcome: "warned",
    message: "The policy does not let the token ask what it may do, so it stays unknown whether it allows too much.",
    nextStep: 'Grant "update" on sys/capabilities-self, or attach the default policy.',
    facts: { policies_applied: "unverified" },
  }
}

function createOn(path: string): Excess {
  return { path, capabilities: ["create", "sudo"], because: `"create" on ${path} (a mistyped key would be made)` }
}

function excess(mountPath: string, keyId: string): Excess[] {
  return ["encrypt", "decrypt"].map((operation) => ({
    path: `${mountPath}/${operation}/${keyId}`,
    capabilities: ["update", "create"],
    because: `${operation} with other keys of the mount`,
  }))
}

function keyExcesses(mountPath: string, keyId: string): readonly Excess[] {
  return [
    { path: `${mountPath}/keys/${keyId}`, capabilities: ["create", "update", "delete"], because: "changing the key" },
    { path: `${mountPath}/keys/${keyId}/config`, capabilities: anyAccess, because: "changing the key's settings" },
    { path: `${mountPath}/keys/${keyId}/rotate`, capabilities: anyAccess, because: "rotating the key" },
    {
      path: `${mountPath}/export/encryption-key/${keyId}`,
      capabilities: anyAccess,
      because: "exporting the key",
    },
    { path: `${mountPath}/backup/${keyId}`, capabilities: anyAccess, because: "backing the key up" },
    {
      path: `${mountPath}/data/${keyId}`,
      capabilities: anyAccess,
      because: `${mountPath}/data/${keyId} (a transit engine has no such path)`,
    },
  ]
}
