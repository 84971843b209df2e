import { createHash } from "node:crypto"
import type { SetupConfiguration } from "../config.ts"

/** The part of a configuration that identifies the key. */
export type KeyOfMount = Pick<SetupConfiguration, "mount_path" | "key_name">

// Some storages of OpenBao make a file name of it, which has at most 255 characters.
const longestName = 200

/**
 * Names the policy and the AppRole role of one key: no two pairs of mount and key share a name, so that no set-up
 * undoes another's. Only lower case, since OpenBao's names of policies and roles know no other. Pure.
 *
 * Letters, digits and `-` stand for themselves, `__` parts mount and key, and `_` with two hexadecimal digits is any
 * other character: `openkcm-made_2fhere__master-key`. A name that would be too long is a SHA-256 of it.
 */
export function setupName({ mount_path: mount, key_name: key }: KeyOfMount): string {
  const name = `openkcm-${encoded(mount)}__${encoded(key)}`
  return name.length <= longestName ? name : `openkcm-${createHash("sha256").update(name).digest("hex")}`
}

function encoded(text: string): string {
  return text.replaceAll(/[^a-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`)
}
