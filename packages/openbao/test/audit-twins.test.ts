import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { type OpenBaoServer, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { context, mount, narrowPolicy, OpenBao, plaintext, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()
const requestIds = z.array(z.string())

const seeAuditDevices = 'path "sys/audit" { capabilities = ["read", "sudo"] }'

describe.skipIf(!available)("openbao: each call has its counterpart in OpenBao's own audit log", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  it("records each encrypt, decrypt and login under its request id and path", async () => {
    const { keystore, key, services } = await bao.open()
    const sealed = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    const opened = await keystore.decrypt({ key: { keyId: key }, ...sealed, context }, testCall())
    const [login] = services.auditEvents
    expect(login).toMatchObject({ action: "keystoreLogin", outcome: "success" })
    expect(await pathsOf(bao.server, [sealed, opened, login])).toEqual([
      [`${mount}/encrypt/${key}`],
      [`${mount}/decrypt/${key}`],
      ["auth/approle/login"],
    ])
  })

  it("audit_test: reports the ids of its own calls as the log has them, and passes when the policy shows the devices", async () => {
    const key = await bao.createKey()
    const { keystore } = await bao.open({ key, policy: `${narrowPolicy(key)}\n${seeAuditDevices}` })
    const step = (await stepsOf(keystore)).get("audit_test")
    expect(step).toMatchObject({ outcome: "passed", message: expect.stringContaining("audit devices: 1") })
    const ids = requestIds.parse(step?.facts?.audit_request_ids)
    expect(
      await pathsOf(
        bao.server,
        ids.map((backendRequestId) => ({ backendRequestId })),
      ),
    ).toEqual([[`${mount}/encrypt/${key}`], [`${mount}/decrypt/${key}`]])
  })

  it("audit_test: is skipped, with the reason, when the policy does not show the devices", async () => {
    const step = (await stepsOf((await bao.open()).keystore)).get("audit_test")
    expect(step).toMatchObject({ outcome: "skipped", message: expect.stringContaining("sys/audit") })
    expect(requestIds.parse(step?.facts?.audit_request_ids)).toHaveLength(2)
  })

  it("audit_test: warns when OpenBao has no audit device", async () => {
    const silent = await OpenBao.start({ audit: false })
    try {
      const key = await silent.createKey()
      const { keystore } = await silent.open({ key, policy: `${narrowPolicy(key)}\n${seeAuditDevices}` })
      expect((await stepsOf(keystore)).get("audit_test")).toMatchObject({
        outcome: "warned",
        message: expect.stringContaining("no audit device"),
      })
    } finally {
      await silent.stop()
    }
  })
})

/** For each answer, the paths of the responses in OpenBao's audit log that have its request id. */
async function pathsOf(
  server: OpenBaoServer,
  answers: readonly ({ readonly backendRequestId?: string } | undefined)[],
): Promise<readonly (readonly string[])[]> {
  const entries = (await server.auditEntries()).filter(({ type }) => type === "response")
  return answers.map((answer) =>
    entries.filter(({ request }) => request.id === answer?.backendRequestId).map(({ request }) => request.path),
  )
}
