import { unexpectedAnswer } from "@apeiro-cmk/openbao-client"
import type { JsonValue, ProvidedKeystore } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { longestPath } from "../configuration/text.ts"
import { unsuitable } from "../keys/key-facts.ts"
import { appRoleSettings } from "../setup/credential.ts"
import { policyOf } from "../setup/policy.ts"
import { ensureMount, ensureNamespace } from "./own-things.ts"
import type { ProvidedPlace } from "./place.ts"
import type { PlatformConfiguration } from "./platform-configuration.ts"
import type { PlatformServer } from "./platform-server.ts"

const roleIdShape = z.object({ role_id: z.string().min(1).max(4096) })
const secretIdShape = z.object({ secret_id: z.string().min(1).max(4096) })

/**
 * Creates everything that does not exist yet, and the credential last, so that an interruption leaves nothing that a
 * credential could reach. A secret id whose answer was lost is harmless, because nobody knows it.
 */
export async function provideKeystore(
  server: PlatformServer,
  place: ProvidedPlace,
  platform: PlatformConfiguration,
): Promise<ProvidedKeystore> {
  const address = addressOf(platform, place)
  requireShortPaths(address, place)
  if (place.ownNamespace !== undefined) await ensureNamespace(server, place.ownNamespace, place.mark)
  await ensureMount(server, place, "mounts", place.mountPath, "transit")
  await ensureKey(server, place)

  const key = { mount_path: place.mountPath, key_name: place.keyName }
  if (place.ownNamespace !== undefined) {
    await server.write(`sys/policies/acl/${place.policyName}`, { policy: policyOf(key) })
    await ensureMount(server, place, "auth", place.authMountPath, "approle")
  }
  const role = `auth/${place.authMountPath}/role/${place.roleName}`
  // Text, not a list: the platform's policy allows this one value.
  await server.write(role, { token_policies: place.policyName, ...appRoleSettings })
  const { role_id } = parsed(roleIdShape, await server.read(`${role}/role-id`))
  const { secret_id } = parsed(secretIdShape, await server.write(`${role}/secret-id`, {}))

  const login = { auth_method: "approle", auth_mount_path: place.authMountPath, role_id }
  return {
    configuration: { ...address, ...key, ...login },
    secrets: { secret_id: new TextEncoder().encode(secret_id) },
  }
}

/** Returns the address fields of the tenant's keystore: the same server that the platform uses. */
export function addressOf(platform: PlatformConfiguration, { ownNamespace }: ProvidedPlace): Record<string, JsonValue> {
  const { vault_address, cluster_addresses, ca_certificate } = platform
  const namespace = [platform.namespace, ownNamespace].filter((part) => part !== undefined).join("/")
  return {
    vault_address,
    ...(cluster_addresses === undefined ? {} : { cluster_addresses }),
    ...(ca_certificate === undefined ? {} : { ca_certificate }),
    ...(namespace === "" ? {} : { namespace }),
  }
}

/** Fails before anything is created: the configuration of a keystore accepts no longer paths. */
function requireShortPaths({ namespace }: Record<string, JsonValue>, { mountPath }: ProvidedPlace): void {
  const longest = Math.max(mountPath.length, typeof namespace === "string" ? namespace.length : 0)
  if (longest <= longestPath) return
  throw pluginError(
    "INVALID_REQUEST",
    `The path of the keystore would have ${longest} characters; at most ${longestPath} are allowed.`,
    "Choose a shorter plugin_name, or have the operator set a shorter name_prefix.",
  )
}

async function ensureKey({ transit, administration, call }: PlatformServer, { keyName }: ProvidedPlace): Promise<void> {
  if ((await transit.findKey(keyName, call)) === undefined) await administration.create(keyName, call)
  const key = await transit.findKey(keyName, call)
  const fault = key === undefined ? undefined : unsuitable(key)
  if (fault !== undefined) throw fault
}

function parsed<T>(shape: z.ZodType<T>, data: unknown): T {
  const result = shape.safeParse(data)
  if (!result.success) throw unexpectedAnswer({ status: 200 })
  return result.data
}
