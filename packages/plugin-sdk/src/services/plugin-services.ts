import type {
  AuditPort,
  Clock,
  Logger,
  Meter,
  PluginKind,
  PluginServices,
  RandomSource,
  Tracer,
} from "@apeiro-cmk/plugin-interface"
import type { HostLookup } from "../egress/names/host-lookup.ts"
import { createNameLookups } from "../egress/names/name-lookups.ts"
import { createTcpConnector } from "../egress/tcp-connector.ts"
import { createTenantFiles } from "../files/tenant-files.ts"
import { createHttpClient } from "../http/http-client.ts"
import { systemClock, systemRandom } from "./clock.ts"

/** Options of {@link createPluginServices}. */
export interface PluginServicesOptions<Kind extends PluginKind = PluginKind> {
  readonly logger: Logger
  readonly audit: AuditPort<Kind>
  /** Default: nothing is measured. */
  readonly meter?: Meter
  /** Default: no spans. */
  readonly tracer?: Tracer
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: the operating system's. */
  readonly random?: RandomSource
  /** The operator's directory with one folder per tenant. Without it, every file that a tenant names is refused. */
  readonly credentialDirectory?: string
  /** Default: {@link createNameLookups} of its own. All plugins of a process share one, or its bounds count once for each. */
  readonly lookup?: HostLookup
}

/** Makes the real services of one plugin, which the host passes to `create`. Touches no network and no file. */
export function createPluginServices<Kind extends PluginKind = PluginKind>(
  options: PluginServicesOptions<Kind>,
): PluginServices<Kind> {
  const clock = options.clock ?? systemClock
  const lookup = options.lookup ?? createNameLookups({ clock })
  return {
    logger: options.logger,
    audit: options.audit,
    meter: options.meter ?? { count: () => undefined, durationMs: () => undefined },
    tracer: options.tracer ?? { span: (_name, _attributes, work) => work() },
    clock,
    random: options.random ?? systemRandom,
    files: createTenantFiles(options.credentialDirectory, options.logger),
    tcp: createTcpConnector(lookup),
    createHttpClient: (settings) => createHttpClient(settings, lookup, clock),
  }
}
