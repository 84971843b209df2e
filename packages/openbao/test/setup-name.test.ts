import { describe, expect, it } from "vitest"
import { setupConfiguration } from "../src/config.ts"
import { setupName } from "../src/setup/name.ts"

const fields = { vault_address: "https://bao.example.com", auth_method: "approle" }

/** @returns `undefined` for an invalid mount path or key name */
function nameOf(mount_path: string, key_name: string): string | undefined {
  const parsed = setupConfiguration.safeParse({ ...fields, mount_path, key_name })
  return parsed.success ? setupName(parsed.data) : undefined
}

/** Every text of 1 to 3 of these characters, which have a meaning in names, paths or encodings. */
function shortTexts(): readonly string[] {
  const characters = ["a", "A", "2", "f", "_", "-", ".", "/"]
  const longer = (texts: readonly string[]) => texts.flatMap((text) => characters.map((each) => text + each))
  const two = longer(characters)
  return [...characters, ...two, ...longer(two)]
}

describe("the name of the policy and role in a set-up", () => {
  it("is readable for plain names", () => {
    expect(nameOf("openkcm-keys", "customer-master-key")).toBe("openkcm-openkcm-keys__customer-master-key")
    expect(nameOf("made/by-script", "L1.key_2")).toBe("openkcm-made_2fby-script___4c1_2ekey_5f2")
  })

  it("is never shared by two keys, and is accepted by OpenBao unchanged", () => {
    const mounts = shortTexts().filter((mount) => nameOf(mount, "k") !== undefined)
    const keys = shortTexts().filter((key) => nameOf("m", key) !== undefined)
    const seen = new Set<string>()
    for (const mount_path of mounts) {
      for (const key_name of keys) {
        seen.add(setupName({ mount_path, key_name }))
      }
    }
    expect(mounts.length * keys.length).toBeGreaterThan(50_000)
    expect(seen.size).toBe(mounts.length * keys.length)
    expect([...seen].filter((name) => !/^[a-z0-9][a-z0-9_-]*[a-z0-9]$/.test(name))).toEqual([])
  })

  it("is a digest when it would be longer than 200 characters", () => {
    const [long, other] = ["K".repeat(128), `${"K".repeat(127)}L`]
    expect(nameOf("transit", long)).toMatch(/^openkcm-[0-9a-f]{64}$/)
    expect(nameOf("transit", long)).not.toBe(nameOf("transit", other))
  })
})
