import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"

const context = { tenantId: "bench", keyId: "tenant-key", keyVersion: 1 }

/** Encrypts 32 bytes once. @returns one decrypt of them, as an operation */
export async function oneDecrypt(keystore: KeystoreV1): Promise<() => Promise<unknown>> {
  const key = keystore.defaultKey
  const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
  return async () => {
    const call = testCall()
    try {
      await keystore.decrypt({ key, ...sealed, context }, call)
    } finally {
      call.dispose()
    }
  }
}
