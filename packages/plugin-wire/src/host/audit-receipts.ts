import type { AuditPort, PluginKind } from "@apeiro-cmk/plugin-interface"
import { create } from "@bufbuild/protobuf"
import { type Client, type ClientDuplexStream, status } from "@grpc/grpc-js"
import {
  Audit,
  type AuditEvent,
  AuditOutcome,
  type AuditReceipt,
  AuditReceiptSchema,
} from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { openStream } from "../wire/stream.ts"
import { fromServiceError, isServiceError } from "../wire/wire-error.ts"
import { type ReportedEvent, reportedEvents } from "./reported-event.ts"

/** Where a host takes the events that a plugin's process reports for the audit stream. */
export interface AuditReports {
  /** Kind of the plugin: the host accepts only the actions of this kind. */
  readonly kind: PluginKind
  /** The process receives its acknowledgement when this port has recorded the event. */
  readonly port: AuditPort
  /** Called for each event that was not recorded, so that the host's log says so. */
  onUnrecorded?(reason: "refused" | "unavailable"): void
}

type ReceiptStream = ClientDuplexStream<AuditReceipt, AuditEvent>

/**
 * Opens the stream on which a plugin's process reports its events, and acknowledges each that was recorded.
 *
 * @param timeoutMs - longest wait until the process listens to the stream
 * @param onLost - called once when an open stream ends and the host has not ended it: it is not opened again
 * @returns a function that ends the stream; `undefined` for a process without such a service, like one of upstream's SDK
 * @throws {WireError} the process cannot be reached, or does not listen in time
 */
export async function openAuditReports(
  client: Client,
  reports: AuditReports,
  timeoutMs: number,
  onLost: () => void,
): Promise<(() => void) | undefined> {
  let isEnded = false
  const stream = openStream(client, Audit.method.report)
  const read = reportedEvents(reports.kind)
  stream.on("data", (event: AuditEvent) => void acknowledge(stream, event.number, read(event), reports))
  const timer = setTimeout(() => stream.cancel(), timeoutMs)
  try {
    await listening(stream, () => {
      if (!isEnded) onLost()
    })
    return () => {
      isEnded = true
      stream.cancel()
    }
  } catch (error) {
    if (!isServiceError(error)) throw error
    if (error.code === status.UNIMPLEMENTED) return undefined
    throw fromServiceError(error)
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until the process has taken the stream. @param onEnd - called when a stream ends that was taken */
async function listening(stream: ReceiptStream, onEnd: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("metadata", () => {
      // It comes with and without an error, and after each of them.
      stream.once("status", onEnd)
      resolve()
    })
    stream.on("error", reject)
  })
}

async function acknowledge(
  stream: ReceiptStream,
  number: bigint,
  reported: ReportedEvent | undefined,
  reports: AuditReports,
): Promise<void> {
  const outcome = await outcomeOf(reported, reports)
  stream.write(create(AuditReceiptSchema, { number, outcome }))
}

async function outcomeOf(reported: ReportedEvent | undefined, reports: AuditReports): Promise<AuditOutcome> {
  if (reported === undefined) {
    reports.onUnrecorded?.("refused")
    return AuditOutcome.REFUSED
  }
  try {
    await reports.port.record(reported.event, reported.call)
    return AuditOutcome.RECORDED
  } catch {
    // The port's error belongs to the host: the plugin learns only that there is no record.
    reports.onUnrecorded?.("unavailable")
    return AuditOutcome.UNAVAILABLE
  }
}
