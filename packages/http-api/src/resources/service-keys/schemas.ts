import * as z from "zod"
import { moment, serviceKeyName } from "../../fields.ts"

/** A new service key. */
export const serviceKeyDocument = z.strictObject({ name: serviceKeyName }).meta({ id: "ServiceKeyDocument" })

/** A service key (L3). */
export const serviceKeyAnswer = z
  .strictObject({
    name: serviceKeyName,
    service_key_id: z.string(),
    version: z.int(),
    state: z.string(),
    parent: z
      .strictObject({ key_id: z.string(), version: z.int() })
      .meta({ description: "The tenant key (L2) that wraps it" }),
    created_at: moment,
  })
  .meta({ id: "ServiceKey" })

/** All service keys of a tenant. */
export const serviceKeyList = z.strictObject({ service_keys: z.array(serviceKeyAnswer) }).meta({ id: "ServiceKeyList" })
