import { createHash } from "node:crypto"
import type { SetupConfiguration } from "../config.ts"

/** The part of a configuration that identifies the key. */
export type KeyOfMount = Pick<SetupConfiguration, "mount_path" | "key_name">

// Some storage backends of OpenBao use it as a file name, which has at most 255 characters.
const longestName = 200

/**
 * Names the policy and the AppRole role of one key. No two pairs of mount and key share a name, so that no set-up
 * script overwrites the work of another. Only lower case, because OpenBao's names of policies and roles are lower case.
 * Pure.
 *
 * Letters, digits and `-` stand for themselves, `__` separates mount and key, and `_` with two hexadecimal digits is
 * any other character: `openkcm-made_2fhere__master-key`. A name that would be too long is replaced by its SHA-256.
 */
export function setupName({ mount_path: mount, key_name: key }: KeyOfMount): string {
  const name = `openkcm-${encoded(mount)}__${encoded(key)}`
  return name.length <= longestName ? name : `openkcm-${createHash("sha256").update(name).digest("hex")}`
}

function encoded(text: string): string {
  return text.replaceAll(/[^a-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`)
}
