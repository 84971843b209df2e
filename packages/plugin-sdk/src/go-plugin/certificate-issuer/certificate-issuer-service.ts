import type { ComponentCertificateRequest, Plugin } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { CertificateIssuer } from "../generated/apeiro/cmk/certificateissuer/v1/certificate_issuer_pb.js"
import { ownMethods } from "../own-call.ts"
import type { ServeContext } from "../serve/served-kind.ts"
import { readStruct } from "../struct.ts"
import { addUnaryService } from "../wire/unary-service.ts"

const requestShape = z.object({
  tenantId: z.string(),
  component: z.enum(["crypto-manager", "crypto-migrate"]),
  commonName: z.string(),
  locality: z.string(),
  validityDays: z.number(),
  certificateSigningRequest: z.string(),
})

/** Adds the service of our own host. */
export function addCertificateIssuerService({
  server,
  plugin,
  services,
}: ServeContext<Plugin<"certificate-issuer">>): void {
  const method = ownMethods(services.clock)
  addUnaryService(server, CertificateIssuer, {
    issueComponentCertificate: method(({ request }, options) =>
      plugin
        .current()
        .issueComponentCertificate(readStruct<ComponentCertificateRequest>(requestShape, request), options),
    ),
    revoke: method(({ serialNumber }, options) => plugin.current().revoke(serialNumber, options)),
  })
}
