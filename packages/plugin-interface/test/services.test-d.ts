import { expectTypeOf } from "vitest"
import type {
  AuditPort,
  Clock,
  HttpClient,
  HttpClientOptions,
  HttpRequest,
  Logger,
  Meter,
  PluginServices,
  RandomSource,
  SecretHandle,
  TcpConnector,
  TenantFiles,
  Tracer,
} from "../src/index.ts"

// All that a plugin gets, and nothing beside it.
expectTypeOf<PluginServices>().toEqualTypeOf<{
  readonly logger: Logger
  readonly meter: Meter
  readonly tracer: Tracer
  readonly clock: Clock
  readonly random: RandomSource
  readonly files: TenantFiles
  readonly audit: AuditPort
  readonly tcp: TcpConnector
  createHttpClient(options: HttpClientOptions): HttpClient
}>()

// A client cannot be made without a policy for where it may connect, nor a request without a signal.
// @ts-expect-error - egress is missing
export const withoutEgress: HttpClientOptions = { connections: 4 }
// @ts-expect-error - signal is missing
export const withoutSignal: HttpRequest = { method: "GET", url: "https://vault" }
// @ts-expect-error - undefined is not a policy
export const undefinedEgress: HttpClientOptions = { egress: undefined }

// A secret is a right to read, not a value, and reading can be given up.
expectTypeOf<keyof SecretHandle>().toEqualTypeOf<"version" | "read">()
expectTypeOf<SecretHandle["read"]>().toEqualTypeOf<(signal: AbortSignal) => Promise<Uint8Array>>()

// A log line's fields are JSON: no error object or buffer can slip into a log.
export function log(logger: Logger): void {
  logger.info("opened", { keystore: "primary", attempts: 1 })
  // @ts-expect-error - an error is not JSON
  logger.error("failed", { error: new Error("x") })
}
