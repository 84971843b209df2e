import type { ServeContext, ServedServices } from "../kind.ts"
import { KeystoreService } from "./keystore-service.ts"
import { addUpstreamKeystores } from "./upstream.ts"

/** Serves a keystore plugin to our own host and to upstream's. */
export function serveKeystores(context: ServeContext<"keystore">): ServedServices {
  const upstream = addUpstreamKeystores(context)
  const own = new KeystoreService(context)
  own.addTo(context.server)
  return { ...upstream, close: async () => void (await Promise.all([upstream.close(), own.close()])) }
}
