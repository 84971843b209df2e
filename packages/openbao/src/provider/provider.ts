import { createOpenBaoClient, type OpenBaoClient, type OpenBaoLogin } from "@apeiro-cmk/openbao-client"
import type {
  CallOptions,
  HttpClient,
  KeystoreProviderV1,
  PluginServices,
  TlsOptions,
} from "@apeiro-cmk/plugin-interface"
import { certificatesOf, type HttpPools, type SecretSource } from "@apeiro-cmk/plugin-sdk"
import { statedClusterId } from "../keys/key-facts.ts"
import { type ProvidedPlace, placeOf } from "./place.ts"
import type { PlatformConfiguration } from "./platform-configuration.ts"
import { PlatformServer } from "./platform-server.ts"
import { provideKeystore } from "./provide.ts"
import { removeKeystore } from "./remove.ts"
import { UpstreamProvider } from "./upstream-provider.ts"

/** Surroundings of a provider. */
export interface ProviderTools {
  readonly pools: HttpPools
  readonly requestTimeoutMs: number
  readonly services: PluginServices
  /** Checks the addresses. @throws {PluginError} INVALID_REQUEST - the egress policy forbids one */
  readonly requireAllowedAddresses: (
    configuration: Pick<PlatformConfiguration, "vault_address" | "cluster_addresses">,
  ) => void
}

/**
 * Makes the provider that creates keystores on the platform's OpenBao. It logs in for each call, and records the login
 * in the stream of the tenant that the call is for.
 */
export function createOpenBaoProvider(platform: PlatformConfiguration, tools: ProviderTools): KeystoreProviderV1 {
  const { pools, requestTimeoutMs, services, requireAllowedAddresses } = tools

  function clientOf(http: HttpClient, call: CallOptions): OpenBaoClient {
    const { vault_address: address, cluster_addresses: clusterAddresses = [], namespace } = platform
    return createOpenBaoClient({
      ...{ address, clusterAddresses, login: loginOf(platform), tenantId: call.tenantId },
      ...(namespace === undefined ? {} : { namespace }),
      ...{ http, requestTimeoutMs, services },
    })
  }

  async function withClient<T>(call: CallOptions, work: (client: OpenBaoClient) => Promise<T>): Promise<T> {
    requireAllowedAddresses(platform)
    const borrowed = pools.borrow(tlsOf(platform))
    const client = clientOf(borrowed.http, call)
    try {
      return await work(client)
    } finally {
      await client.close()
      await borrowed.giveBack()
    }
  }

  async function withServer<T>(
    keystoreId: string,
    call: CallOptions,
    work: (server: PlatformServer, place: ProvidedPlace) => Promise<T>,
  ): Promise<T> {
    return withClient(call, (client) => {
      const place = placeOf(platform, call.tenantId, keystoreId)
      return work(new PlatformServer(client, place, services.clock, call), place)
    })
  }

  return {
    createKeystore: ({ keystoreId }, call) =>
      withServer(keystoreId, call, (server, place) => provideKeystore(server, place, platform)),
    locateKeystore: ({ keystoreId }, call) =>
      withClient(call, async (client) => {
        const { name } = placeOf(platform, call.tenantId, keystoreId)
        const parts = [await statedClusterId(client, call), platform.namespace, name, ""]
        return { identityPrefix: parts.filter((part) => part !== undefined).join("/") }
      }),
    deleteKeystore: ({ keystoreId }, call) => withServer(keystoreId, call, removeKeystore),
    upstream: new UpstreamProvider(platform, { services, withServer }),
  }
}

function loginOf({ auth_method, auth_mount_path, role_id, credential }: PlatformConfiguration): OpenBaoLogin {
  const source: SecretSource = (call) => credential.read(call.signal)
  if (auth_method === "token" || role_id === undefined) return { method: "token", token: source }
  return { method: "approle", mountPath: auth_mount_path, roleId: role_id, secretId: source }
}

function tlsOf({ ca_certificate: authority }: PlatformConfiguration): TlsOptions {
  return authority === undefined ? {} : { certificateAuthority: certificatesOf(authority).join("\n") }
}
