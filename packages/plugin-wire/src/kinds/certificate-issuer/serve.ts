import type { ComponentCertificateRequest } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { CertificateIssuer } from "../../generated/apeiro/cmk/certificateissuer/v1/certificate_issuer_pb.js"
import { addConfiguredOnce } from "../../serve/configured-once.ts"
import { ownMethods } from "../../serve/own-call.ts"
import { stateless } from "../../serve/served-services.ts"
import { readStruct } from "../../wire/struct.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext, ServedServices } from "../kind.ts"
import { addUpstreamCertificateIssuer } from "./upstream.ts"

const requestShape: z.ZodType<ComponentCertificateRequest> = z.object({
  tenantId: z.string(),
  component: z.enum(["crypto-manager", "crypto-migrate"]),
  commonName: z.string(),
  locality: z.string(),
  validityDays: z.number(),
  certificateSigningRequest: z.string(),
})

/** Serves a certificate issuer to our own host and to upstream's. */
export function serveCertificateIssuer(context: ServeContext<"certificate-issuer">): ServedServices {
  const { server, plugin, clock } = context
  const method = ownMethods(clock)
  addUnaryService(server, CertificateIssuer, {
    issueComponentCertificate: method(({ request }, options) =>
      plugin.current().issueComponentCertificate(readStruct(requestShape, request), options),
    ),
    revoke: method(({ serialNumber }, options) => plugin.current().revoke(serialNumber, options)),
  })
  addConfiguredOnce(context)
  return stateless(addUpstreamCertificateIssuer(context))
}
