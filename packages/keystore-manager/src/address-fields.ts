import type { JsonSchema, JsonValue, KeystoreManifest } from "@apeiro-cmk/plugin-interface"

/**
 * Lists the fields that say where a keystore is: URLs, and lists of URLs. Secrets are sent there, so a stored secret must
 * not follow a change of them: an administrator could otherwise have it sent to another server, and read it.
 */
export function addressFields(manifest: KeystoreManifest): readonly string[] {
  return [...new Set(uriFields(manifest.keystoreConfigurationSchema))]
}

function uriFields(schema: JsonSchema): readonly string[] {
  const own = isObject(schema.properties) ? Object.entries(schema.properties) : []
  const forms = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  return [
    ...own.flatMap(([name, field]) => (isObject(field) && namesAddress(field) ? [name] : [])),
    ...forms.filter(isObject).flatMap(uriFields),
  ]
}

function namesAddress({ format, items }: JsonSchema): boolean {
  return format === "uri" || (isObject(items) && items.format === "uri")
}

function isObject(value: JsonValue | undefined): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
