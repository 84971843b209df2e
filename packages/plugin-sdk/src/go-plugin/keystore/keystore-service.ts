import type { CallOptions, JsonValue, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { Server } from "@grpc/grpc-js"
import { callOptions } from "../../deadline.ts"
import type { KeystoreInstanceConfig } from "../generated/plugin/keystore/common/v1/common_pb.js"
import { KeystoreInstanceKeyOperationSince015 } from "../generated/plugin/keystore/operations/v1/get_key_versions_pb.js"
import { KeystoreInstanceKeyOperation } from "../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { ConfiguredPlugin } from "../serve/configured-plugin.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation, type WireCall } from "../wire/unary-service.ts"
import { accessDataHandlers } from "./access-data.ts"
import { keyHandlers } from "./key-handlers.ts"
import { createKeystoreHandles } from "./keystore-handles.ts"
import { upstreamError } from "./upstream-errors.ts"
import { defaultHooks } from "./upstream-hooks.ts"

/** Spellings of the plugin type under which a host may ask for a keystore plugin. */
export const keystoreTypes: readonly string[] = ["KeystoreInstanceKeyOperation"]

/** The host sets no deadline: each call has this one of ours, in milliseconds. */
const callTimeoutMs = 10_000

/** The upstream host knows tenants, and does not say which one a call is for. */
const upstreamTenantId = "upstream"

/** Which key of which keystore. */
export interface KeyTarget {
  readonly keyId: string
  readonly config?: KeystoreInstanceConfig | undefined
}

/** Makes one call to the keystore that a request names; what it rejects with is what the upstream host understands. */
export type KeystoreRun = <T>(
  target: KeyTarget | undefined,
  call: WireCall,
  work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<T>,
) => Promise<T>

/** A keystore plugin behind upstream's service. */
export interface ServedKeystores {
  readonly serviceName: string
  /** Closes every keystore that is open. */
  close(): Promise<void>
}

/** Adds the service to a server. */
export function addKeystoreService(
  server: Server,
  plugin: ConfiguredPlugin,
  { clock }: Pick<PluginServices, "clock">,
): ServedKeystores {
  const hooks = () => plugin.current().upstream ?? defaultHooks
  const handles = createKeystoreHandles(
    async (configuration) => {
      const options = callOptions({ tenantId: upstreamTenantId, timeoutMs: callTimeoutMs, clock })
      try {
        return await plugin.current().openKeystore(configuration, options)
      } finally {
        options.dispose()
      }
    },
    () => clock.nowMs(),
  )

  const run: KeystoreRun = async (target, { signal, deadlineMs = Number.POSITIVE_INFINITY }, work) => {
    const timeoutMs = Math.min(callTimeoutMs, deadlineMs - clock.nowMs())
    const options = callOptions({ tenantId: upstreamTenantId, timeoutMs, signal, clock })
    try {
      const keyId = target?.keyId ?? ""
      const values: Readonly<Record<string, JsonValue>> = target?.config?.values ?? {}
      const configuration = hooks().keystoreConfiguration(values, keyId)
      return await handles.use(configuration, (keystore) => work(keystore, keyId, options))
    } catch (error) {
      throw upstreamError(error)
    } finally {
      options.dispose()
    }
  }

  const { getKeyVersions, ...keys } = keyHandlers(run)
  const service = KeystoreInstanceKeyOperation
  const since015 = KeystoreInstanceKeyOperationSince015
  server.addService(
    { ...methodDefinitions(service), ...methodDefinitions(since015, service.typeName) },
    {
      ...unaryImplementation(service, { ...keys, ...accessDataHandlers(hooks) }),
      ...unaryImplementation(since015, { getKeyVersions }),
    },
  )
  return { serviceName: service.typeName, close: () => handles.close() }
}
