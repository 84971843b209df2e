import { createHash } from "node:crypto"
import type {
  CallOptions,
  JsonValue,
  PluginServices,
  UpstreamKeystoreProviderV1,
  UpstreamTrustRequest,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { type CertificateSubject, readSubject } from "./certificate-subject.ts"
import { ensureMount, ensureNamespace } from "./own-things.ts"
import type { ProvidedPlace } from "./place.ts"
import type { PlatformConfiguration } from "./platform-configuration.ts"
import type { PlatformServer } from "./platform-server.ts"
import { addressOf } from "./provide.ts"
import { removeKeystore } from "./remove.ts"
import { type TrustType, trustPolicies } from "./trust-policies.ts"

/** What {@link createUpstreamProvider} works with. */
export interface UpstreamProviderTools {
  readonly services: Pick<PluginServices, "random" | "logger">
  /** Does work on the server, at the place of one keystore. */
  readonly withServer: <T>(
    keystoreId: string,
    call: CallOptions,
    work: (server: PlatformServer, place: ProvidedPlace) => Promise<T>,
  ) => Promise<T>
}

const keystoreIdBytes = 10
const keystoreIdPattern = /^[0-9a-f]{20}$/
const rolePattern = /^(?:management|crypto)-[0-9a-f]{32}$/
const authMountPath = "cert"

/**
 * Makes keystores for the pool of the upstream host: a namespace each, to which certificates of that host's authority log
 * in by their subject. There is no key in it: the host has those made later.
 */
export function createUpstreamProvider(
  platform: PlatformConfiguration,
  { services: { random, logger }, withServer }: UpstreamProviderTools,
): UpstreamKeystoreProviderV1 {
  function authority(): string {
    if (platform.client_certificate_authority !== undefined) return platform.client_certificate_authority
    const next = "Set client_certificate_authority in the platform section of the plugin's configuration."
    throw pluginError("UNSUPPORTED", "Nothing says whose certificates log in to keystores.", next)
  }

  /** Writes role and policy anew: a second time changes nothing. @returns what goes with the subject's calls */
  async function trust(server: PlatformServer, place: ProvidedPlace, type: TrustType, subject: CertificateSubject) {
    const policy = `openkcm-${type}`
    await server.write(`sys/policies/acl/${policy}`, { policy: trustPolicies[type](place.mountPath) })
    const role = `${type}-${createHash("sha256").update(JSON.stringify(subject)).digest("hex").slice(0, 32)}`
    await server.write(`auth/${authMountPath}/certs/${role}`, {
      ...{ certificate: authority(), allowed_common_names: [subject.commonName], token_policies: [policy] },
      ...(subject.organizationalUnits.length === 0
        ? {}
        : { allowed_organizational_units: subject.organizationalUnits }),
      // Trust that was removed ends for good with the tokens that are out.
      ...{ token_ttl: "10m", token_max_ttl: "1h" },
    })
    return {
      ...addressOf(platform, place),
      ...{ mount_path: place.mountPath, auth_method: "cert", auth_mount_path: authMountPath, role },
    }
  }

  async function make(server: PlatformServer, place: ProvidedPlace, keystore: string) {
    await ensureNamespace(server, place.name, place.mark)
    await ensureMount(server, place, "mounts", place.mountPath, "transit")
    await ensureMount(server, place, "auth", authMountPath, "cert")
    const commonName = place.name
    const accessData = await trust(server, place, "management", { commonName, organizationalUnits: [] })
    return {
      // With it the host asks for trust; the platform's own credential is what grants it.
      roleManagement: { localityId: place.name, commonName: `${place.name}-trust`, accessData: { keystore } },
      // A locality is said: without one the host would keep a certificate whose name was never let in.
      keyManagement: { localityId: place.name, commonName, accessData },
    }
  }

  return {
    async createKeystore(call) {
      authority()
      const keystore = Buffer.from(random.bytes(keystoreIdBytes)).toString("hex")
      return withServer(keystore, call, async (server, place) => {
        try {
          return await make(server, place, keystore)
        } catch (error) {
          // Nobody else knows its name.
          await removeKeystore(server, place).catch(() =>
            logger.warn("half a keystore was left behind: remove its namespace", { namespace: place.name }),
          )
          throw error
        }
      })
    },

    deleteKeystore: (values, call) => withServer(keystoreOf(values), call, removeKeystore),

    grantTrust: (request, call) =>
      withServer(keystoreOf(request.values), call, async (server, place) => {
        await requireKeystore(server, place)
        return trust(server, place, request.type, subjectOf(request))
      }),

    removeTrust: (values, { role }, call) =>
      withServer(keystoreOf(values), call, async (server, place) => {
        if (typeof role !== "string" || !rolePattern.test(role)) throw refused("The access data name no role.")
        await requireKeystore(server, place)
        await server.remove(`auth/${authMountPath}/certs/${role}`)
      }),
  }
}

function keystoreOf({ keystore }: Readonly<Record<string, JsonValue>>): string {
  if (typeof keystore === "string" && keystoreIdPattern.test(keystore)) return keystore
  throw refused("The values name no keystore that was made here.")
}

async function requireKeystore(server: PlatformServer, { name, mark }: ProvidedPlace): Promise<void> {
  if ((await server.namespaceMark(name)) === mark) return
  throw pluginError("KEY_NOT_FOUND", "There is no such keystore any more.", "Have another one made.")
}

/** The host says a name where it has the certificate issued itself, and a whole subject where others have. */
function subjectOf({ type, subject }: UpstreamTrustRequest): CertificateSubject {
  const read = readSubject(type === "management" ? `CN=${subject}` : subject)
  if (read !== undefined) return read
  throw refused(
    "The subject is none that can be told from others: one CN, no OU or some, no wildcard, nothing escaped.",
  )
}

function refused(message: string) {
  return pluginError("INVALID_REQUEST", message, "Send what the keystore's creation answered.")
}
