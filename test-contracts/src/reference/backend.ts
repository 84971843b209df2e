import { certificateIssuerOperations } from "./certificate-issuer/backend.ts"
import { identityOperations } from "./identity/backend.ts"
import { JsonServer } from "./json-server.ts"
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

/** Starts the backend of a reference plugin on a free port of 127.0.0.1. */
export async function startReferenceBackend(kind: ReferenceKind): Promise<JsonServer> {
  const server = new JsonServer((body) => answerBy(operations[kind], body))
  await server.start()
  return server
}
