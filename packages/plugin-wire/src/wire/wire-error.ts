import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt"
import { Metadata, type ServiceError, status } from "@grpc/grpc-js"
import { ErrorInfoSchema, StatusSchema } from "../generated/google/rpc/error_pb.js"

/** Machine-readable cause of a failed call: `google.rpc.ErrorInfo`. */
export interface WireErrorInfo {
  /** E.g. `MISSING_FIELDS`. */
  readonly reason: string
  readonly domain: string
  readonly metadata: Readonly<Record<string, string>>
}

/** A failed call as gRPC knows it. Nothing of it is secret: it leaves the process unchanged. */
export class WireError extends Error {
  /** One of gRPC's status codes, 1 to 16. */
  readonly code: status
  readonly info?: WireErrorInfo

  constructor(code: status, message: string, info?: WireErrorInfo, options?: ErrorOptions) {
    super(message, options)
    this.name = "WireError"
    this.code = code
    if (info !== undefined) this.info = info
  }
}

/** Trailer that carries a `google.rpc.Status` with details. */
const detailsTrailer = "grpc-status-details-bin"
const longestDetails = 65_536

/** Translates an error into the form that grpc-js sends. One that is not a {@link WireError} reveals nothing of its own. */
export function toServiceError(error: unknown): Pick<ServiceError, "code" | "details" | "metadata"> {
  const { code, message, info } = error instanceof WireError ? error : new WireError(status.UNKNOWN, "internal error")
  const metadata = new Metadata()
  if (info !== undefined) metadata.set(detailsTrailer, Buffer.from(encodeDetails(code, message, info)))
  return { code, details: message, metadata }
}

function encodeDetails(code: status, message: string, { reason, domain, metadata }: WireErrorInfo): Uint8Array {
  const info = create(ErrorInfoSchema, { reason, domain, metadata: { ...metadata } })
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details: [anyPack(ErrorInfoSchema, info)] }))
}

/** Tells whether grpc-js has made an error of a failed call. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "metadata" in error && "details" in error
}

/** Translates a failed call of grpc-js; details that cannot be read are left out. */
export function fromServiceError(error: ServiceError): WireError {
  const info = decodeDetails(error.metadata)
  return new WireError(error.code, error.details, info, { cause: error })
}

function decodeDetails(metadata: Metadata): WireErrorInfo | undefined {
  const [value] = metadata.get(detailsTrailer)
  if (!(value instanceof Uint8Array) || value.length > longestDetails) return undefined
  try {
    for (const detail of fromBinary(StatusSchema, value).details) {
      const info = anyUnpack(detail, ErrorInfoSchema)
      if (info !== undefined) return { reason: info.reason, domain: info.domain, metadata: { ...info.metadata } }
    }
  } catch {
    // A foreign peer's details are a courtesy: without them code and message still say what happened.
  }
  return undefined
}
