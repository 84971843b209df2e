import { emptyDocument, keystoreParameters } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { importedKeyOf, importParametersOf } from "./key-import-answers.ts"
import { importedKeyAnswer, importParameters, wrappedKeyMaterial } from "./key-import-schemas.ts"

/** Asks the keystore for the public key with which to wrap key material. */
export const keyImportParameters = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/import-parameters",
  summary: "Get the parameters for an import of the L1 key",
  description:
    "For a keystore that is not active yet and whose plugin can import. `apeiro-cmk byok wrap` takes the answer.",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: emptyDocument,
  response: { status: 200, description: "The parameters", schema: importParameters },
  problems: ["KEYSTORE_NOT_FOUND", "KEYSTORE_ACTIVE", "L1_ALREADY_CLAIMED", "UNSUPPORTED"],
  handler: async ({ params, call, services }) =>
    document(
      importParametersOf(await services.keystores.l1Import.parameters(params.tenant_id, params.keystore_id, call)),
    ),
})

/** Imports the L1 key of a keystore that is not active yet. */
export const importKeyMaterial = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/import",
  summary: "Import wrapped key material as the L1 key",
  description:
    "For a keystore that is not active yet. The material is wrapped for the keystore: the host cannot open it. One set of parameters imports once.",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: wrappedKeyMaterial,
  response: { status: 200, description: "The keystore now holds the key", schema: importedKeyAnswer },
  problems: ["KEYSTORE_NOT_FOUND", "KEYSTORE_ACTIVE", "L1_ALREADY_CLAIMED", "CIPHERTEXT_REJECTED", "UNSUPPORTED"],
  handler: async ({ params, body, call, services }) => {
    const encryptedKeyMaterial = Buffer.from(body.encryptedKeyMaterial, "base64")
    const { providerParams } = body
    const wrapped = { encryptedKeyMaterial, providerParams }
    const { tenant_id: tenantId, keystore_id: keystoreId } = params
    return document(importedKeyOf(await services.keystores.l1Import.material(tenantId, keystoreId, wrapped, call)))
  },
})
