import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { lifeCyclePolicy, mount, narrowPolicy, OpenBao, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: names each excess of a policy with its path", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  async function policyStep(policyOf: (key: string) => string) {
    const key = await bao.createKey()
    const steps = await stepsOf((await bao.open({ key, policy: policyOf(key) })).keystore)
    return { key, step: steps.get("policy_enforcement") }
  }

  it.each([
    ["keys/KEY", ["delete"], "changing the key"],
    ["keys/KEY/config", ["update"], "changing the key's settings"],
    ["keys/KEY/rotate", ["update"], "rotating the key"],
    ["keys/KEY/trim", ["update"], "destroying versions of the key"],
    ["keys/KEY/soft-delete", ["delete"], "disabling the key"],
    ["keys/KEY/import_version", ["update"], "importing a version of the key"],
    ["export/encryption-key/KEY", ["read"], "exporting the key"],
    ["backup/KEY", ["read"], "backing the key up"],
    ["restore/KEY", ["update"], "replacing the key with a backup"],
    ["encrypt/KEY", ["create", "update"], "a mistyped key name would create a key"],
    ["decrypt/KEY", ["update", "sudo"], 'decrypt needs only "update"'],
  ])("on the key itself: %s with %j", async (path, capabilities, because) => {
    const grant = (key: string) =>
      `path "${mount}/${path.replace("KEY", key)}" { capabilities = ${JSON.stringify(capabilities)} }`
    const { key, step } = await policyStep((name) => `${narrowPolicy(name)}\n${grant(name)}`)
    expect(step).toMatchObject({ outcome: "warned", facts: { policies_applied: "verified" } })
    const excess = capabilities.filter((each) => each !== "update" || capabilities.length === 1)
    const named = excess.map((each) => `"${each}"`).join(", ")
    expect(step?.message).toContain(`${named} on ${mount}/${path.replace("KEY", key)} (${because})`)
  })

  it.each([
    [`${mount}/encrypt/*`, ["update"], `"update" on ${mount}/encrypt/* (use of other keys of the mount)`],
    [`${mount}/decrypt/+`, ["update"], `"update" on ${mount}/decrypt/* (use of other keys of the mount)`],
    [`${mount}/rewrap/*`, ["update"], `"update" on ${mount}/rewrap/* (use of other keys of the mount)`],
    [`${mount}/export/*`, ["read"], `"read" on ${mount}/export/encryption-key/* (exporting other keys of the mount)`],
    ["+/decrypt/KEY", ["update"], `"update" on */decrypt/KEY (use of keys in other mounts)`],
  ])("by a glob: %s", async (path, capabilities, named) => {
    const grant = (key: string) =>
      `path "${path.replace("KEY", key)}" { capabilities = ${JSON.stringify(capabilities)} }`
    const { key, step } = await policyStep((name) => `${narrowPolicy(name)}\n${grant(name)}`)
    expect(step).toMatchObject({ outcome: "warned", facts: { policies_applied: "unverified" } })
    expect(step?.message).toContain(named.replace("KEY", key))
  })

  it.each([
    ["sys/policies/acl/*", ["create", "update"], '"create", "update" on sys/policies/acl/* (writing policies)'],
    ["sys/mounts/*", ["update"], '"update" on sys/mounts/* (changing mounts)'],
    ["auth/token/create", ["update"], '"update" on auth/token/create (creating tokens)'],
    ["sys/raw", ["read", "sudo"], '"read", "sudo" on sys/raw (reading OpenBao\'s storage)'],
  ])("beyond keys: %s", async (path, capabilities, named) => {
    const grant = `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`
    const { step } = await policyStep((key) => `${narrowPolicy(key)}\n${grant}`)
    expect(step?.message).toContain(named)
  })

  it("the root policy", async () => {
    const steps = await stepsOf((await bao.openWithToken(bao.server.rootToken)).keystore)
    expect(steps.get("policy_enforcement")?.message).toContain("policy root")
  })

  it("the README's policy for key management, which wrapping does not need", async () => {
    const { step } = await policyStep(lifeCyclePolicy)
    expect(step).toMatchObject({ outcome: "warned", facts: { policies_applied: "verified" } })
    expect(step?.message).toContain("rotating the key")
  })
})
