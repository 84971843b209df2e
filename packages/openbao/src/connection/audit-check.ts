import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import type { CheckResult } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { keyMismatch } from "../errors.ts"
import { throwAwayContext } from "../keys/key-facts.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"

const devicesShape = z.record(z.string(), z.unknown())

/**
 * Says under which ids OpenBao's audit log has an encrypt and a decrypt of this test, and whether OpenBao has an audit
 * device at all. To see the devices takes `read` and `sudo` on `sys/audit`, which the set-up material does not ask for.
 */
export const checkAudit: Check = async (test, call) => {
  const ids = await ownRequestIds(test, call)
  const facts = { audit_request_ids: ids }
  const requests = `the requests ${ids.join(" and ")}`
  const answer = await test.place.client.request({ method: "GET", path: "sys/audit" }, call)
  const devices = devicesShape.safeParse(answer.data)
  if (answer.status !== 200 || !devices.success) return unseen(requests, facts)
  const count = Object.keys(devices.data).length
  if (count > 0) {
    return { outcome: "passed", message: `OpenBao has ${requests} in its audit log; audit devices: ${count}.`, facts }
  }
  return {
    outcome: "warned",
    message: `OpenBao has no audit device: it keeps no record of ${requests}, or of any other.`,
    nextStep: "Turn an audit device on (`bao audit enable file file_path=...`).",
    facts,
  }
}

function unseen(requests: string, facts: NonNullable<CheckResult["facts"]>): CheckResult {
  const message = `Look for ${requests} in OpenBao's audit log: the policy does not show whether there is one (sys/audit).`
  return { outcome: "skipped", message, facts }
}

async function ownRequestIds({ keystore, random }: ConnectionTest, call: CallOptions): Promise<readonly string[]> {
  const key = keystore.defaultKey
  const plaintext = random.bytes(32)
  const context = throwAwayContext(call, "audit-test")
  const encrypted = await keystore.encrypt({ key, plaintext, context }, call)
  const decrypted = await keystore.decrypt({ key, ...encrypted, context }, call)
  if (!Buffer.from(decrypted.plaintext).equals(plaintext)) throw keyMismatch()
  return [encrypted.backendRequestId, decrypted.backendRequestId].filter((id) => id !== undefined)
}
