import { setupName } from "../setup/name.ts"
import { notOurs } from "./own-things.ts"
import type { ProvidedPlace } from "./place.ts"
import type { MountKind, PlatformServer } from "./platform-server.ts"

/** Removes a keystore: the credential first, the key last, and only what carries the keystore's mark. Idempotent. */
export async function removeKeystore(server: PlatformServer, place: ProvidedPlace): Promise<void> {
  const { ownNamespace, mark } = place
  if (ownNamespace === undefined) return removeMounts(server, place)
  const found = await server.namespaceMark(ownNamespace)
  if (found === undefined) return
  if (found !== mark) throw notOurs(`namespace ${ownNamespace}`)
  await server.removeNamespace(ownNamespace)
}

async function removeMounts(server: PlatformServer, place: ProvidedPlace): Promise<void> {
  await server.remove(`auth/${place.authMountPath}/role/${place.roleName}`)
  // Earlier versions gave each keystore its own auth method and policy.
  await removeMount(server, place, "auth", place.name)
  await server.remove(`sys/policies/acl/${setupName({ mount_path: place.mountPath, key_name: place.keyName })}`)
  await removeMount(server, place, "mounts", place.mountPath)
}

async function removeMount(server: PlatformServer, { mark }: ProvidedPlace, kind: MountKind, path: string) {
  const found = await server.mountAt(kind, path)
  if (found === undefined) return
  if (found.description !== mark) throw notOurs(`mount ${path}`)
  await server.remove(`sys/${kind}/${path}`)
}
