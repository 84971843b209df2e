import { describe, expect, it } from "vitest"
import { isAllowed, type Permission, roleAllows } from "../src/index.ts"

const ofReaders: readonly Permission[] = [
  "catalog.read",
  "health.read",
  "tenant.read",
  "keystores.read",
  "service_keys.read",
  "audit.read",
]
const ofWorkloads: readonly Permission[] = ["catalog.read", "health.read", "service_keys.read", "data_keys.use"]
const ofAdministratorsAlone: readonly Permission[] = [
  "tokens.manage",
  "keystores.write",
  "service_keys.write",
  "keys.verify",
  "keys.export",
]
const ofThePlatform: readonly Permission[] = ["platform.read", "platform.administer"]
const all = [...new Set([...ofReaders, ...ofWorkloads, ...ofAdministratorsAlone, ...ofThePlatform])]

describe("roles", () => {
  it("of a tenant have their permissions and no other", () => {
    const allowed = (role: "reader" | "workload" | "administrator") => all.filter((each) => roleAllows(role, each))
    expect(allowed("reader").toSorted()).toEqual(ofReaders.toSorted())
    expect(allowed("workload").toSorted()).toEqual(ofWorkloads.toSorted())
    const administrator = all.filter((each) => !ofThePlatform.includes(each))
    expect(allowed("administrator").toSorted()).toEqual(administrator.toSorted())
  })
})

describe("tenant access", () => {
  const token = { type: "token", tokenId: "1", tenantId: "acme", role: "administrator" } as const

  it("ends at the tenant of the token", () => {
    expect(isAllowed(token, "keystores.write", "acme")).toBe(true)
    expect(isAllowed(token, "keystores.write", "other")).toBe(false)
    expect(isAllowed(token, "catalog.read", undefined)).toBe(true)
    expect(isAllowed(token, "platform.read", undefined)).toBe(false)
  })

  it("of the platform's administrator reaches every tenant", () => {
    for (const permission of all) expect(isAllowed({ type: "administrator" }, permission, "acme")).toBe(true)
  })
})
