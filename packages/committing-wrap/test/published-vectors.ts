import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as z from "zod"

/** Folder of the published vectors: `VECTORS_DIR`, or next to the project. */
const folder = process.env.VECTORS_DIR ?? fileURLToPath(new URL("../../../../shared/vectors", import.meta.url))

const hex = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .transform((text) => Buffer.from(text, "hex"))
const aeadFile = z.object({
  testGroups: z.array(
    z.object({
      ivSize: z.number(),
      keySize: z.number(),
      tagSize: z.number(),
      tests: z.array(
        z.object({
          tcId: z.number(),
          key: hex,
          iv: hex,
          aad: hex,
          msg: hex,
          ct: hex,
          tag: hex,
          result: z.enum(["valid", "invalid", "acceptable"]),
        }),
      ),
    }),
  ),
})
const hkdfFile = z.object({
  testGroups: z.array(
    z.object({
      tests: z.array(
        z.object({
          tcId: z.number(),
          ikm: hex,
          salt: hex,
          info: hex,
          size: z.number(),
          okm: hex,
          result: z.enum(["valid", "invalid", "acceptable"]),
        }),
      ),
    }),
  ),
})

/**
 * Says why the published vectors cannot run; undefined when they can. With CI=true a missing folder is a failure.
 */
export function vectorsMissing(): string | undefined {
  if (existsSync(`${folder}/wycheproof`)) return undefined
  const reason = `no published vectors in ${folder}: set VECTORS_DIR`
  if (process.env.CI === "true") throw new Error(reason)
  process.stdout.write(`skipped: ${reason}\n`)
  return reason
}

/** Reads the Wycheproof groups of AES-GCM. */
export function aesGcmGroups() {
  return aeadFile.parse(JSON.parse(readFileSync(`${folder}/wycheproof/aes_gcm_test.json`, "utf8"))).testGroups
}

/** Reads the Wycheproof cases of HKDF-SHA-512. */
export function hkdfCases() {
  const file = hkdfFile.parse(JSON.parse(readFileSync(`${folder}/wycheproof/hkdf_sha512_test.json`, "utf8")))
  return file.testGroups.flatMap((group) => group.tests)
}
