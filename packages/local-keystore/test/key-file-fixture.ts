import { createDecipheriv } from "node:crypto"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { EncryptionContext, KeystorePluginV1 } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { openInProcess, type TestServices, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import * as z from "zod"
import { plugin } from "../src/index.ts"

const keyFile = z.object({
  keys: z.record(
    z.string(),
    z.object({ enabled: z.boolean(), versions: z.array(z.object({ material: z.base64() })).min(1) }),
  ),
})

/** A temporary folder with a key file, and the second route: code other than the plugin's that reads the file. */
export class KeyFolder implements AsyncDisposable {
  readonly folder: string
  readonly path: string

  private constructor(folder: string) {
    this.folder = folder
    this.path = join(folder, "local-keystore.key")
  }

  static async make(): Promise<KeyFolder> {
    return new KeyFolder(await mkdtemp(join(tmpdir(), "local-keystore-")))
  }

  async start(keyNames?: readonly string[], services: TestServices = testServices()): Promise<KeystorePluginV1> {
    const pluginConfiguration = { keyFile: this.path, ...(keyNames === undefined ? {} : { keyNames }) }
    return openInProcess(plugin, { services, pluginConfiguration })
  }

  async keys() {
    return keyFile.parse(JSON.parse(await readFile(this.path, "utf8"))).keys
  }

  /** Decrypts a ciphertext with only node:crypto and the layout in the README. */
  async decrypt(keyName: string, ciphertext: Uint8Array, context: EncryptionContext): Promise<Uint8Array> {
    const material = (await this.keys())[keyName]?.versions.at(-1)?.material ?? ""
    const [nonce, body, tag] = [ciphertext.slice(1, 13), ciphertext.slice(13, -16), ciphertext.slice(-16)]
    const decipher = createDecipheriv("aes-256-gcm", Buffer.from(material, "base64"), nonce)
    decipher.setAAD(encodeEncryptionContext(context)).setAuthTag(tag)
    return Buffer.concat([decipher.update(body), decipher.final()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
