import { RefusalRecorder, TokenLookup } from "@apeiro-cmk/access"
import type { LoadedProfile } from "@apeiro-cmk/host-runtime"
import { type ApiServices, apiRoutes, createApp, InFlight, openListener, operationsRoutes } from "@apeiro-cmk/http-api"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { Core } from "./core.ts"
import { closeFailureLog, type Defer, openInOrder } from "./open-in-order.ts"
import { createReadiness } from "./readiness.ts"
import { reasonOf } from "./reason.ts"

/** Everything that the servers need. */
export interface ServersOptions {
  readonly core: Core
  readonly profile: LoadedProfile
  readonly ports: { readonly api: number | undefined; readonly operations: number | undefined }
  /** Longest time for accepted work to end at a close, in milliseconds. */
  readonly graceMs: number
  readonly administratorTokenHash: Uint8Array
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

/** The API listener and the operations listener. */
export interface Servers {
  readonly apiUrl: string
  readonly operationsUrl: string
  /** Accepts nothing new on the API listener, finishes the accepted work, then closes both. */
  close(): Promise<void>
}

/** Pause between removals of expired idempotency keys, in milliseconds. */
const cleaningPauseMs = 60 * 60 * 1000

/** Longest time for a probe to be answered at a close, in milliseconds. */
const probeGraceMs = 1000

/** Opens both listeners. @throws {HttpApiError} PORT_IN_USE, LISTEN_FAILED */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const inFlight = new InFlight()
  const opened = await openInOrder((defer) => openListeners(options, inFlight, defer), closeFailureLog(options.logger))
  return {
    ...opened.value,
    close: async () => {
      inFlight.drain()
      await opened.close()
    },
  }
}

async function openListeners(
  options: ServersOptions,
  inFlight: InFlight,
  defer: Defer,
): Promise<Omit<Servers, "close">> {
  const { core, profile, ports, clock, logger } = options
  const { api, operations } = profile.listeners
  const refusals = new RefusalRecorder(core.audit, clock, logger)
  defer(() => refusals.close())
  const services = apiServices(options, refusals, inFlight)

  // The probes answer until the end: whoever asks must see that the host is shutting down.
  const probes = new InFlight()
  const operationsApp = createApp(operationsRoutes, services, probes, operations)
  const operationsPort = ports.operations ?? operations.port
  const operationsAddress = { ...operations, port: operationsPort, profileKey: "listeners.operations" }
  const operationsListener = await openListener(operationsApp, operationsAddress, {
    ...{ inFlight: probes, limits: operations },
    ...{ clock, logger },
  })
  defer(() => operationsListener.close(probeGraceMs))

  const apiApp = createApp(apiRoutes, services, inFlight, api)
  const apiAddress = { ...api, port: ports.api ?? api.port, profileKey: "listeners.api" }
  const apiListener = await openListener(apiApp, apiAddress, { inFlight, limits: api, clock, logger })
  defer(() => apiListener.close(options.graceMs))
  defer(keepClean(services, logger))
  return { apiUrl: apiListener.url, operationsUrl: operationsListener.url }
}

function apiServices(options: ServersOptions, refusals: RefusalRecorder, inFlight: InFlight): ApiServices {
  const { core, administratorTokenHash, clock, random, logger } = options
  const { database, catalog, sequencerFailure } = core
  const isDraining = () => inFlight.isDraining()
  return {
    catalog,
    tenants: database.tenants,
    tokens: database.tokens,
    idempotency: database.idempotency,
    keystores: core.keystores,
    platformKeystores: core.platformKeystores,
    claims: core.claims,
    keys: core.keys,
    serviceKeyList: database.keys,
    audit: core.audit,
    auditLog: database.auditLog,
    auditPlaces: database.auditPlaces,
    authentication: { tokens: new TokenLookup(database.tokens), administratorTokenHash, clock },
    refusals,
    readiness: createReadiness({ database, catalog, sequencerFailure, isDraining, clock }),
    fingerprintKey: core.fingerprintKey,
    clock,
    random,
    logger,
  }
}

/** Removes expired idempotency keys now and then. @returns a function that ends it */
function keepClean({ clock, idempotency }: ApiServices, logger: Logger): () => void {
  let cancel: () => void
  const clean = () => {
    cancel = clock.after(cleaningPauseMs, clean)
    idempotency.removeExpired().catch((error: unknown) => {
      logger.warn("expired idempotency keys could not be removed", { reason: reasonOf(error) })
    })
  }
  cancel = clock.after(0, clean)
  return () => cancel()
}
