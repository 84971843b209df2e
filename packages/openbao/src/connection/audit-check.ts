import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import type { CheckResult } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { keyMismatch } from "../errors.ts"
import { throwAwayContext } from "../keys/key-facts.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"

const devicesShape = z.record(z.string(), z.unknown())

/**
 * Reports the request ids under which OpenBao's audit log records an encrypt and a decrypt of this test, and whether
 * OpenBao has an audit device. Seeing the devices needs `read` and `sudo` on `sys/audit`, which the set-up material
 * does not request.
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
    return { outcome: "passed", message: `OpenBao's audit log contains ${requests}; audit devices: ${count}.`, facts }
  }
  return {
    outcome: "warned",
    message: `OpenBao has no audit device, so it does not record ${requests} or any other request.`,
    nextStep: "Enable an audit device (`bao audit enable file file_path=...`).",
    facts,
  }
}

function unseen(requests: string, facts: NonNullable<CheckResult["facts"]>): CheckResult {
  const message = `Look for ${requests} in OpenBao's audit log; the policy does not show whether it has an audit device (sys/audit).`
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
