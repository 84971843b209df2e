import type { AuditPort, CallOptions, Clock, PluginAuditEvent, PluginKind } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { create } from "@bufbuild/protobuf"
import { Metadata, type Server, type ServerDuplexStream } from "@grpc/grpc-js"
import {
  Audit,
  type AuditEvent,
  AuditEventSchema,
  AuditOutcome,
  type AuditReceipt,
} from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { methodDefinitions } from "../wire/method-definition.ts"

/** The facts of a call that belong to an event. */
type EventCall = Pick<CallOptions, "tenantId" | "requestId" | "keystoreId" | "traceparent">
type ReportStream = ServerDuplexStream<AuditReceipt, AuditEvent>

interface Pending {
  acknowledge(outcome: AuditOutcome): void
  reject(error: Error): void
}

/**
 * Longest wait of a plugin's process for the host's acknowledgement of an audit event: 6,800 ms. A login waits for it
 * while its keystore opens, for which the host allows 7,000 ms.
 */
export const auditAcknowledgementTimeoutMs = 6_800

/**
 * The audit port of a plugin that is a process. Under our host, which opens a stream for it, an event is recorded when
 * the host has acknowledged it. Under a host that opens none, the events go to `logEvent`; once a stream was open they
 * never do.
 */
export class AuditReports<Kind extends PluginKind> implements AuditPort<Kind> {
  readonly #clock: Clock
  readonly #logEvent: (event: PluginAuditEvent<Kind>, call: EventCall) => void
  readonly #pending = new Map<bigint, Pending>()
  #stream: ReportStream | undefined
  #isHosted = false
  #lastNumber = 0n

  constructor(clock: Clock, logEvent: (event: PluginAuditEvent<Kind>, call: EventCall) => void) {
    this.#clock = clock
    this.#logEvent = logEvent
  }

  /** @throws {PluginError} INTERNAL, UNREACHABLE - the host has not recorded the event; the origin is `host` */
  async record(event: PluginAuditEvent<Kind>, call: EventCall): Promise<void> {
    const stream = this.#stream
    if (stream !== undefined) return this.#report(stream, event, call)
    if (this.#isHosted) throw lost()
    this.#logEvent(event, call)
  }

  /** Adds the service on which a host reads the events. */
  addTo(server: Server): void {
    server.addService(methodDefinitions(Audit), { report: (stream: ReportStream) => this.#serve(stream) })
  }

  /** Ends the stream. What still waits for an acknowledgement is rejected. */
  end(): void {
    this.#stream?.end()
    this.#lose(this.#stream)
  }

  /** One host starts the process: a further stream replaces the one before, which ends. */
  #serve(stream: ReportStream): void {
    this.end()
    this.#isHosted = true
    this.#stream = stream
    stream.on("data", ({ number, outcome }: AuditReceipt) => this.#pending.get(number)?.acknowledge(outcome))
    for (const end of ["end", "cancelled", "error", "close"]) stream.once(end, () => this.#lose(stream))
    // Tells the host that its stream is heard: it configures the plugin only then.
    stream.sendMetadata(new Metadata())
  }

  #lose(stream: ReportStream | undefined): void {
    if (stream === undefined || this.#stream !== stream) return
    this.#stream = undefined
    for (const { reject } of this.#pending.values()) reject(lost())
  }

  async #report(stream: ReportStream, event: PluginAuditEvent<Kind>, call: EventCall): Promise<void> {
    const { tenantId, requestId, keystoreId = "", traceparent = "" } = call
    this.#lastNumber += 1n
    const number = this.#lastNumber
    const { promise, resolve, reject } = Promise.withResolvers<AuditOutcome>()
    this.#pending.set(number, { acknowledge: resolve, reject })
    const cancelTimer = this.#clock.after(auditAcknowledgementTimeoutMs, () => reject(silent()))
    try {
      const caller = { tenantId, requestId, keystoreId, traceparent }
      stream.write(create(AuditEventSchema, { number, caller, json: JSON.stringify(event) }))
      requireRecorded(await promise)
    } finally {
      cancelTimer()
      this.#pending.delete(number)
    }
  }
}

const restoreLog = "Restore the host's audit log, then try again."

function requireRecorded(outcome: AuditOutcome): void {
  if (outcome === AuditOutcome.RECORDED) return
  if (outcome === AuditOutcome.UNAVAILABLE) {
    throw pluginError("INTERNAL", "The host could not record the event in its audit log.", restoreLog, {
      origin: "host",
      retryable: true,
    })
  }
  throw pluginError(
    "INTERNAL",
    "The host does not accept the event for its audit log.",
    "Use versions of host and plugin that belong together.",
    { origin: "host" },
  )
}

function lost() {
  const message = "The host no longer takes events for its audit log."
  return pluginError("UNREACHABLE", message, "Look at the host's log.", { origin: "host", retryable: true })
}

function silent() {
  const message = `The host did not acknowledge the event within ${auditAcknowledgementTimeoutMs} ms.`
  return pluginError("UNREACHABLE", message, restoreLog, { origin: "host", retryable: true })
}
