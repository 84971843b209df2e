import type { Check } from "./connection-check.ts"

/**
 * Warns when a standby answers from its own copy. With the addresses of all nodes the client asks the active one alone;
 * with one address it takes whoever answers there.
 */
export const checkActiveNode: Check = async ({ place }, call) => {
  const { standby } = await place.client.health(call)
  if (!standby) return { outcome: "passed", message: "The active node of OpenBao answers." }
  if (await place.client.passesRequestsOn(call)) {
    return { outcome: "passed", message: "A standby answers, and passes each request on to the active node." }
  }
  return {
    outcome: "warned",
    message:
      "A standby answers from its own copy (disable_standby_reads is false): while it is cut off from the active node, it does not learn that you revoked access, and continues to decrypt.",
    nextStep:
      "Set disable_standby_reads = true on every node, or use an address that leads only to the active node, or list all nodes in cluster_addresses.",
  }
}
