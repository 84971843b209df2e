import type { CallOptions, JsonValue, KeystorePluginV1, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { keystoreWireError } from "../errors/upstream-errors.ts"
import type { KeystoreInstanceConfig } from "../generated/plugin/keystore/common/v1/common_pb.js"
import { KeystoreInstanceKeyOperationSince015 } from "../generated/plugin/keystore/operations/v1/get_key_versions_pb.js"
import { KeystoreInstanceKeyOperation } from "../generated/plugin/keystore/operations/v1/operations_pb.js"
import type { ServeContext, ServedServices } from "../serve/served-kind.ts"
import { upstreamCalls } from "../upstream-call.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation, type WireCall } from "../wire/unary-service.ts"
import { accessDataHandlers } from "./access-data.ts"
import { keyHandlers } from "./key-handlers.ts"
import { createKeystoreHandles } from "./keystore-handles.ts"
import { defaultHooks } from "./upstream-hooks.ts"

/** The host sets no deadline: each call has this one of ours, in milliseconds. */
const callTimeoutMs = 10_000

/** Which key of which keystore. */
export interface KeyTarget {
  readonly keyId: string
  /** Of a key that is to be made. */
  readonly region?: string
  readonly config?: KeystoreInstanceConfig | undefined
}

/** Makes one call to the keystore that a request names; what it rejects with is what the upstream host understands. */
export type KeystoreRun = <T>(
  target: KeyTarget | undefined,
  call: WireCall,
  work: (keystore: KeystoreV1, keyId: string, options: CallOptions) => Promise<T>,
) => Promise<T>

/** Adds upstream's service for keys. */
export function addUpstreamKeystores({
  server,
  plugin,
  services: { clock },
}: ServeContext<KeystorePluginV1>): ServedServices {
  const hooks = () => plugin.current().upstream ?? defaultHooks
  const calls = upstreamCalls(clock, callTimeoutMs, keystoreWireError)
  const handles = createKeystoreHandles(
    // Not bound to the call that happens to be the first: others wait for the same opening.
    (configuration) =>
      calls({ signal: new AbortController().signal }, (options) =>
        plugin.current().openKeystore(configuration, options),
      ),
    () => clock.nowMs(),
  )

  const run: KeystoreRun = (target, call, work) =>
    calls(call, (options) => {
      const keyId = target?.keyId ?? ""
      const values: Readonly<Record<string, JsonValue>> = target?.config?.values ?? {}
      const configuration = hooks().keystoreConfiguration(values, keyId, target?.region ?? "")
      return handles.use(configuration, (keystore) => work(keystore, keyId, options))
    })

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
