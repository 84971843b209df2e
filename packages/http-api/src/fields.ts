import * as z from "zod"

/** Id of a tenant. */
export const tenantId = z
  .string()
  .max(40, { abort: true })
  .regex(
    /^[a-z0-9][a-z0-9-]{0,39}$/,
    "must be 1 to 40 lower-case letters, digits and dashes, with a letter or digit first",
  )
  .meta({ description: "Id of the tenant", examples: ["acme"] })

/** Id of a keystore: its `plugin_name`. */
export const keystoreId = z
  .string()
  .max(63, { abort: true })
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,62}$/,
    "must be 1 to 63 lower-case letters, digits, dashes and underscores, with a letter or digit first",
  )
  .meta({ description: "Name of the keystore, unique in its tenant", examples: ["openbao_cluster_production"] })

/** Name of a service key. */
export const serviceKeyName = z
  .string()
  .max(63, { abort: true })
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    "must be 1 to 63 lower-case letters, digits and dashes, with a letter or digit first",
  )
  .meta({ description: "Name of the service key, unique in its tenant", examples: ["payments"] })

/** A moment, as the API shows it. */
export const moment = z.iso
  .datetime()
  .max(40)
  .meta({ description: "RFC 3339, UTC, milliseconds", examples: ["2026-11-25T02:00:00.000Z"] })

/** Writes milliseconds since the Unix epoch as the API shows a moment. */
export function momentOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** Standard base64 with padding (RFC 4648 §4), in its one canonical form. */
export const base64 = z
  .string()
  .min(1)
  .max(8192, { abort: true })
  .regex(/^[A-Za-z0-9+/]+={0,2}$/, "must be standard base64 with padding")
  .refine((text) => Buffer.from(text, "base64").toString("base64") === text, {
    error: "must be standard base64 with padding",
  })
  .meta({ format: "byte" })

/** Writes bytes as the API shows them. */
export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

/** Path parameters of everything that belongs to a tenant. */
export const tenantParameters = z.strictObject({ tenant_id: tenantId })

/** Path parameters of everything that belongs to a keystore. */
export const keystoreParameters = z.strictObject({ tenant_id: tenantId, keystore_id: keystoreId })

/** Path parameters of everything that belongs to a service key. */
export const serviceKeyParameters = z.strictObject({ tenant_id: tenantId, service_key: serviceKeyName })

/** Any JSON value. */
export const jsonValue = z.unknown().meta({ description: "Any JSON value" })

/** A document without content. */
export const emptyDocument = z.strictObject({}).meta({ id: "Empty" })
