import * as z from "zod"
import { base64, moment } from "../../fields.ts"

const providerParams = z.string().max(8192).meta({ description: "Opaque; return it unchanged with the material" })

const upstreamNames = "The names are those of upstream's import parameters, so that one file fits both."

/** Parameters with which an administrator wraps key material for an import. Unknown fields are ignored: upstream has more. */
export const importParameters = z
  .object({
    publicKey: z.string().max(16_384).meta({ description: "SubjectPublicKeyInfo, PEM" }),
    wrappingAlgorithm: z.enum(["CKM_RSA_PKCS_OAEP", "CKM_RSA_AES_KEY_WRAP"]),
    hashFunction: z.enum(["SHA1", "SHA256"]),
    providerParams,
    validTo: moment.optional().meta({ description: "Expiry of the parameters; absent when they do not expire" }),
  })
  .meta({ id: "ImportParameters", description: upstreamNames })

/** Wrapped key material, as `apeiro-cmk byok wrap` writes it. */
export const wrappedKeyMaterial = z
  .strictObject({
    encryptedKeyMaterial: base64.meta({ description: "The material, wrapped according to the parameters" }),
    providerParams,
  })
  .meta({ id: "WrappedKeyMaterial", description: upstreamNames })

/** The L1 key after an import. */
export const importedKeyAnswer = z
  .strictObject({
    l1_key_identity: z.string(),
    state: z.string().meta({ examples: ["ENABLED"] }),
    algorithm: z.string(),
    exportable: z.union([z.boolean(), z.literal("unknown")]),
    latest_version: z.string(),
    warnings: z.array(z.string()),
  })
  .meta({ id: "ImportedKey" })
