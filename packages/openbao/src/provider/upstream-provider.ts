import { createHash } from "node:crypto"
import type {
  CallOptions,
  JsonValue,
  PluginServices,
  UpstreamKeystoreProviderV1,
  UpstreamManagementAccess,
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

type Members = Readonly<Record<string, JsonValue>>

/** Access for the upstream host to a new keystore. */
interface CreatedKeystore {
  readonly roleManagement: UpstreamManagementAccess
  readonly keyManagement: UpstreamManagementAccess
}

/** Surroundings of an {@link UpstreamProvider}. */
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
 * Creates keystores for the pool of the upstream host: a namespace each, where certificates of that host's authority
 * log in by their subject. A new keystore holds no key; the host creates keys later.
 */
export class UpstreamProvider implements UpstreamKeystoreProviderV1 {
  readonly #platform: PlatformConfiguration
  readonly #tools: UpstreamProviderTools

  constructor(platform: PlatformConfiguration, tools: UpstreamProviderTools) {
    this.#platform = platform
    this.#tools = tools
  }

  async createKeystore(call: CallOptions): Promise<CreatedKeystore> {
    const { services, withServer } = this.#tools
    this.#authority()
    const keystore = Buffer.from(services.random.bytes(keystoreIdBytes)).toString("hex")
    return withServer(keystore, call, async (server, place) => {
      try {
        return await this.#create(server, place, keystore)
      } catch (error) {
        // Nobody else knows its name, so nobody else could remove it.
        await removeKeystore(server, place).catch(() =>
          services.logger.warn("An incomplete keystore was left behind: remove its namespace", {
            namespace: place.name,
          }),
        )
        throw error
      }
    })
  }

  async deleteKeystore(values: Members, call: CallOptions): Promise<void> {
    await this.#tools.withServer(keystoreOf(values), call, removeKeystore)
  }

  async grantTrust(request: UpstreamTrustRequest, call: CallOptions): Promise<Members> {
    return this.#tools.withServer(keystoreOf(request.values), call, async (server, place) => {
      await requireKeystore(server, place)
      return this.#trust(server, place, request.type, subjectOf(request))
    })
  }

  async removeTrust(values: Members, { role }: Members, call: CallOptions): Promise<void> {
    await this.#tools.withServer(keystoreOf(values), call, async (server, place) => {
      if (typeof role !== "string" || !rolePattern.test(role)) throw refused("The access data do not name a role.")
      await requireKeystore(server, place)
      await server.remove(`auth/${authMountPath}/certs/${role}`)
    })
  }

  async #create(server: PlatformServer, place: ProvidedPlace, keystore: string): Promise<CreatedKeystore> {
    await ensureNamespace(server, place.name, place.mark)
    await ensureMount(server, place, "mounts", place.mountPath, "transit")
    await ensureMount(server, place, "auth", authMountPath, "cert")
    const commonName = place.name
    const accessData = await this.#trust(server, place, "management", { commonName, organizationalUnits: [] })
    return {
      // The host requests trust with it; the platform's own credential grants that trust.
      roleManagement: { localityId: place.name, commonName: `${place.name}-trust`, accessData: { keystore } },
      // Without a locality the host would keep a certificate whose name has no access.
      keyManagement: { localityId: place.name, commonName, accessData },
    }
  }

  /** Writes role and policy; a repetition changes nothing. @returns the access data for calls of the subject */
  async #trust(
    server: PlatformServer,
    place: ProvidedPlace,
    type: TrustType,
    subject: CertificateSubject,
  ): Promise<Members> {
    const policy = `openkcm-${type}`
    await server.write(`sys/policies/acl/${policy}`, { policy: trustPolicies[type](place.mountPath) })
    const role = `${type}-${createHash("sha256").update(JSON.stringify(subject)).digest("hex").slice(0, 32)}`
    const { commonName, organizationalUnits } = subject
    await server.write(`auth/${authMountPath}/certs/${role}`, {
      ...{ certificate: this.#authority(), allowed_common_names: [commonName], token_policies: policy },
      ...(organizationalUnits.length === 0 ? {} : { allowed_organizational_units: organizationalUnits }),
      // Removed trust ends completely when the tokens issued under it have expired.
      ...{ token_ttl: "10m", token_max_ttl: "1h" },
    })
    return {
      ...addressOf(this.#platform, place),
      ...{ mount_path: place.mountPath, auth_method: "cert", auth_mount_path: authMountPath, role },
    }
  }

  #authority(): string {
    if (this.#platform.client_certificate_authority !== undefined) return this.#platform.client_certificate_authority
    const next = "Set client_certificate_authority in the platform section of the plugin's configuration."
    throw pluginError("UNSUPPORTED", "No certificate authority is configured for logins to keystores.", next)
  }
}

function keystoreOf({ keystore }: Members): string {
  if (typeof keystore === "string" && keystoreIdPattern.test(keystore)) return keystore
  throw refused("The values do not name a keystore that this plugin created.")
}

async function requireKeystore(server: PlatformServer, { name, mark }: ProvidedPlace): Promise<void> {
  if ((await server.namespaceMark(name)) === mark) return
  throw pluginError("NOT_FOUND", "The keystore no longer exists.", "Create another one.")
}

/** The host sends a common name when it has the certificate issued itself, and a whole subject otherwise. */
function subjectOf({ type, subject }: UpstreamTrustRequest): CertificateSubject {
  const read = readSubject(type === "management" ? `CN=${subject}` : subject)
  if (read !== undefined) return read
  throw refused(
    "The subject is ambiguous: it needs exactly one CN, may have OUs, and must contain neither wildcards nor escapes.",
  )
}

function refused(message: string) {
  return pluginError("INVALID_REQUEST", message, "Send the data that the creation of the keystore returned.")
}
