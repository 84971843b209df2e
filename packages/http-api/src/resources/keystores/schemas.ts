import * as z from "zod"
import { jsonValue, keystoreId, moment } from "../../fields.ts"

const configuration = z.record(z.string().max(256), jsonValue).meta({
  maxProperties: 1_000,
  description: "The plugin's keystore configuration; `GET /v1/plugins` has its schema",
})

/** A keystore as an administrator enters it (stories 1 to 4, step 2). */
export const keystoreDocument = z
  .strictObject({
    plugin_type: z
      .string()
      .min(1)
      .max(63)
      .meta({ description: "`plugin_type` of a loaded plugin", examples: ["openbao"] }),
    plugin_name: keystoreId,
    configuration,
  })
  .meta({ id: "KeystoreDocument" })

/** A change of a keystore. */
export const keystoreChange = z
  .strictObject({
    plugin_type: z.string().max(63).optional().meta({ description: "If present, the same as stored" }),
    plugin_name: z.string().max(63).optional().meta({ description: "If present, the same as stored" }),
    configuration,
  })
  .meta({ id: "KeystoreChange" })

/** A keystore in a list: its own resource has the configuration, too. */
export const keystoreSummary = z
  .strictObject({
    plugin_type: z.string(),
    plugin_name: keystoreId,
    plugin_status: z.enum(["inactive", "active"]),
    l1_key_identity: z
      .string()
      .optional()
      .meta({ description: "The server's own identity of the L1 key, once claimed" }),
    revision: z.int().meta({ description: "Grows with each change" }),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "KeystoreSummary" })

/** A keystore in an answer: of a secret, only that it is set and its version. */
export const keystoreAnswer = z
  .strictObject({
    ...keystoreSummary.shape,
    configuration: z
      .record(z.string(), jsonValue)
      .meta({ description: 'A secret appears as `{"set": true, "version": n}`' }),
  })
  .meta({ id: "Keystore" })

/** Keystores of a tenant. */
export const keystoreList = z.strictObject({ keystores: z.array(keystoreSummary) }).meta({ id: "KeystoreList" })

/** Answer of an activation: the four fields of the stories, and facts from the plugin. */
export const activationAnswer = z
  .looseObject({
    status: z.literal("connection_successful"),
    plugin_status: z.literal("active"),
    l1_key_location: z.string().meta({ description: "`plugin_type` of the keystore that holds the L1 key" }),
    key_operations_ready: z.literal(true),
  })
  .meta({ id: "Activation", description: "Fields in addition to these four are the plugin's `activation_facts`" })
