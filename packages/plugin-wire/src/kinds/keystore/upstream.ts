import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import { keystoreWireError } from "../../errors/upstream-errors.ts"
import { KeystoreInstanceKeyOperationSince015 } from "../../generated/plugin/keystore/operations/v1/get_key_versions_pb.js"
import { KeystoreInstanceKeyOperation } from "../../generated/plugin/keystore/operations/v1/operations_pb.js"
import { upstreamCalls } from "../../serve/upstream-call.ts"
import { methodDefinitions } from "../../wire/method-definition.ts"
import { unaryImplementation } from "../../wire/unary-service.ts"
import type { ServeContext, ServedServices } from "../kind.ts"
import { accessDataHandlers } from "./access-data.ts"
import { keyHandlers } from "./key-handlers.ts"
import { KeystoreHandles } from "./keystore-handles.ts"
import type { KeystoreRun } from "./keystore-run.ts"
import { defaultHooks } from "./upstream-hooks.ts"

/** The host sets no deadline: each call gets this one, in milliseconds. */
const callTimeoutMs = 10_000

/** Adds upstream's service for keys. */
export function addUpstreamKeystores({ server, plugin, clock }: ServeContext<"keystore">): ServedServices {
  const hooks = () => plugin.current().upstream ?? defaultHooks
  const calls = upstreamCalls(clock, callTimeoutMs, keystoreWireError)
  const handles = new KeystoreHandles(
    // Not bound to the call that happens to be the first: others wait for the same opening.
    (configuration) =>
      calls({ signal: new AbortController().signal }, (options) =>
        plugin.current().openKeystore(configuration, options),
      ),
    clock,
  )

  const run: KeystoreRun = (target, call, work) =>
    calls(call, (options) => {
      const keyId = target?.keyId ?? ""
      const values: Readonly<Record<string, JsonValue>> = target?.config?.values ?? {}
      const configuration = hooks().keystoreConfiguration(values, keyId, target?.region ?? "")
      const named = { configuration, accessData: values }
      return handles.use(named, options.signal, (keystore) => work(keystore, keyId, options))
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
