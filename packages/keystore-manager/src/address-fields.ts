import type { JsonSchema, JsonValue, KeystoreManifest } from "@apeiro-cmk/plugin-interface"

/**
 * Names of the fields that say where a keystore is (identity fields that are URLs): a secret is sent there. A stored
 * secret must not follow a change of them, or whoever may change a configuration could have it sent to a server of
 * theirs and so read it.
 */
export function addressFields(manifest: KeystoreManifest): readonly string[] {
  const addresses = new Set(uriFields(manifest.keystoreConfigurationSchema))
  return manifest.identityFields.filter((name) => addresses.has(name))
}

function uriFields(schema: JsonSchema): readonly string[] {
  const own = isObject(schema.properties) ? Object.entries(schema.properties) : []
  const forms = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  return [
    ...own.flatMap(([name, field]) => (isObject(field) && field.format === "uri" ? [name] : [])),
    ...forms.filter(isObject).flatMap(uriFields),
  ]
}

function isObject(value: JsonValue | undefined): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
