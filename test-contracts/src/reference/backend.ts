import { certificateIssuerOperations } from "./certificate-issuer/backend.ts"
import { identityOperations } from "./identity/backend.ts"
import { type Access, JsonServer } from "./json-server.ts"
import { notificationOperations } from "./notification/backend.ts"
import { answerBy, type Operations } from "./operations.ts"
import type { ReferenceKind } from "./plugins.ts"
import { systemInformationOperations } from "./system-information/backend.ts"

const operations: Readonly<Record<ReferenceKind, Operations>> = {
  identity: identityOperations,
  "certificate-issuer": certificateIssuerOperations,
  "system-information": systemInformationOperations,
  notification: notificationOperations,
}

/** The backend of a reference plugin: an identity provider, an issuer, a mesh or a receiver over HTTP. */
export interface ReferenceBackend {
  readonly host: string
  readonly port: number
  /** Bearer token that a caller must present. */
  readonly apiKey: string
  /** Fate of requests with the right key: `revoked` no longer knows the key, `denied` refuses everything. */
  access: Access
  /** Listens again, on the same port, after {@link close}. */
  start(): Promise<void>
  /** Refuses connections until {@link start}. Idempotent. */
  close(): Promise<void>
}

/** Starts the backend of a reference plugin on a free port of 127.0.0.1. */
export async function startReferenceBackend(kind: ReferenceKind): Promise<ReferenceBackend> {
  const server = new JsonServer((body) => answerBy(operations[kind], body))
  await server.start()
  return server
}
