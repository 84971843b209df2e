import type { LoadedProfile } from "@apeiro-cmk/host-runtime"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { ApiServices } from "./api-services.ts"
import { createRefusalRecorder } from "./auth/refusal-recorder.ts"
import { createTokenLookup } from "./auth/token-lookup.ts"
import type { Core } from "./core.ts"
import { createApp } from "./http/api-app.ts"
import { createInFlight, type InFlight } from "./http/in-flight.ts"
import { openListener } from "./http/listener.ts"
import { closeFailureLog, type Defer, openInOrder } from "./open-in-order.ts"
import { createReadiness } from "./readiness.ts"
import { reasonOf } from "./reason.ts"
import { apiRoutes, operationsRoutes } from "./routes/index.ts"

/** What the servers stand on. */
export interface ServersOptions {
  readonly core: Core
  readonly profile: LoadedProfile
  readonly ports: { readonly api: number | undefined; readonly operations: number | undefined }
  /** How long closing waits for what was accepted, in milliseconds. */
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
  /** Takes nothing new on the API listener, finishes what was accepted, then closes both. */
  close(): Promise<void>
}

/** How often expired idempotency keys are removed, in milliseconds. */
const cleaningPauseMs = 60 * 60 * 1000

/** Opens both listeners. @throws {HostError} PORT_IN_USE, LISTEN_FAILED */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const inFlight = createInFlight()
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
  const { profile, ports, clock, logger } = options
  const { api, operations } = profile.listeners
  const services = apiServices(options, inFlight)
  defer(() => services.refusals.close())

  // The probes answer until the end: what asks them must see that the host is on its way out.
  const probes = createInFlight()
  const operationsApp = createApp(operationsRoutes, services, probes)
  const operationsPort = ports.operations ?? operations.port
  const operationsAddress = { ...operations, port: operationsPort, profileKey: "listeners.operations" }
  const operationsListener = await openListener(operationsApp, operationsAddress, { inFlight: probes, clock, logger })
  defer(() => operationsListener.close(probeGraceMs))

  const apiApp = createApp(apiRoutes, services, inFlight)
  const apiAddress = { ...api, port: ports.api ?? api.port, profileKey: "listeners.api" }
  const apiListener = await openListener(apiApp, apiAddress, { inFlight, clock, logger })
  defer(() => apiListener.close(options.graceMs))
  defer(keepClean(services, logger))
  return { apiUrl: apiListener.url, operationsUrl: operationsListener.url }
}

function apiServices({ core, ...given }: ServersOptions, inFlight: InFlight): ApiServices {
  const { administratorTokenHash, clock, random, logger } = given
  const { database, audit, catalog, keys, keystores, platformKeystores, fingerprintKey, sequencerFailure } = core
  const isDraining = () => inFlight.isDraining()
  return {
    ...{
      catalog,
      keystores,
      platformKeystores,
      keys,
      audit,
      administratorTokenHash,
      fingerprintKey,
      clock,
      random,
      logger,
    },
    ...{
      tenants: database.tenants,
      tokens: database.tokens,
      findToken: createTokenLookup(database.tokens),
      idempotency: database.idempotency,
    },
    keyRecords: database.keys,
    auditLog: database.auditLog,
    auditPlaces: database.auditPlaces,
    refusals: createRefusalRecorder(audit, clock, logger),
    readiness: createReadiness({ database, catalog, sequencerFailure, isDraining, clock }),
  }
}

const probeGraceMs = 1000

/** @returns what ends the cleaning */
function keepClean({ clock, idempotency }: ApiServices, logger: Logger): () => void {
  let cancel: () => void
  const clean = () => {
    cancel = clock.after(cleaningPauseMs, clean)
    idempotency.removeExpired().catch((error: unknown) => {
      logger.warn("expired idempotency keys stay", { reason: reasonOf(error) })
    })
  }
  cancel = clock.after(0, clean)
  return () => cancel()
}
