import {
  type OpenBaoAnswer,
  type OpenBaoClient,
  type OpenBaoRequest,
  unexpectedAnswer,
} from "@apeiro-cmk/openbao-client"
import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { notTransitError, transitErrorName } from "../errors.ts"
import { administrationError } from "./administration-errors.ts"

/** Type of every key that the plugin creates or imports. */
const keyType = "aes256-gcm96"

/** The calls that create, change or delete keys, on one mount. Every method rejects with a `PluginError` only. */
export interface TransitAdministration {
  /** Creates a key; an existing key of this name stays unchanged, whatever its type. */
  create(key: string, call: CallOptions): Promise<void>
  /** Rotates a key. @throws {PluginError} UNSUPPORTED - its material was imported; KEY_NOT_FOUND, KEY_DISABLED */
  rotate(key: string, call: CallOptions): Promise<void>
  /** Allows or forbids the deletion of a key. @throws {PluginError} KEY_NOT_FOUND */
  setDeletionAllowed(key: string, allowed: boolean, call: CallOptions): Promise<void>
  /** Deletes a key at once; call `setDeletionAllowed` first. @throws {PluginError} KEY_NOT_FOUND */
  delete(key: string, call: CallOptions): Promise<void>
  /** Returns the mount's RSA-4096 key for imports, as PEM. OpenBao generates it at the first request, within seconds. */
  wrappingKey(call: CallOptions): Promise<string>
  /**
   * Imports material as a new key, or as the next version of an imported key.
   * @throws {PluginError} CIPHERTEXT_REJECTED - altered or wrapped for another key; INVALID_REQUEST - not 32 bytes, or
   * a new key whose name is taken
   */
  import(key: string, as: "new key" | "next version", wrapped: Uint8Array, call: CallOptions): Promise<void>
}

const wrappingKeyShape = z.object({ public_key: z.string().max(4096).startsWith("-----BEGIN PUBLIC KEY-----") })

/** Makes the {@link TransitAdministration} of the transit engine at `mountPath`. Key names must be checked first. */
export function createTransitAdministration(client: OpenBaoClient, mountPath: string): TransitAdministration {
  const keyPath = (key: string) => `${mountPath}/keys/${key}`

  async function send(request: OpenBaoRequest, call: CallOptions): Promise<OpenBaoAnswer> {
    return client.request({ ...request, refusesWith500: true }, call)
  }

  async function change(key: string, act: string, body: Readonly<Record<string, unknown>>, call: CallOptions) {
    const bytes = Buffer.from(JSON.stringify(body))
    const answer = await send({ method: "POST", path: `${keyPath(key)}${act}`, body: bytes }, call)
    if (answer.status >= 300) throw administrationError(answer, keyPath(key))
  }

  return {
    create(key, call) {
      const settings = { type: keyType, exportable: false, allow_plaintext_backup: false, derived: false }
      return change(key, "", settings, call)
    },
    rotate: (key, call) => change(key, "/rotate", {}, call),
    setDeletionAllowed: (key, allowed, call) => change(key, "/config", { deletion_allowed: allowed }, call),
    async delete(key, call) {
      const answer = await send({ method: "DELETE", path: keyPath(key) }, call)
      if (answer.status >= 300) throw administrationError(answer, keyPath(key))
    },
    async wrappingKey(call) {
      const path = `${mountPath}/wrapping_key`
      const answer = await send({ method: "GET", path }, call)
      // A transit engine always has one; a key-value engine has nothing by that name.
      if (transitErrorName(answer) === "keyUnreadable") throw notTransitError(answer)
      if (answer.status !== 200) throw administrationError(answer, path)
      const read = wrappingKeyShape.safeParse(answer.data)
      if (!read.success) throw unexpectedAnswer(answer)
      return `${read.data.public_key.trim()}\n`
    },
    import(key, as, wrapped, call) {
      const ciphertext = Buffer.from(wrapped).toString("base64")
      const material = { ciphertext, hash_function: "SHA256" }
      if (as === "next version") return change(key, "/import_version", material, call)
      // Rotation by OpenBao would take the key out of its owner's control and prevent further imports.
      const settings = { type: keyType, allow_rotation: false, exportable: false, allow_plaintext_backup: false }
      return change(key, "/import", { ...material, ...settings }, call)
    },
  }
}
