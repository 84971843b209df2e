import type { Plugin } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { CertificateIssuer } from "../../generated/apeiro/cmk/certificateissuer/v1/certificate_issuer_pb.js"
import { readAnswer } from "../../host/read-answer.ts"
import { askedOf } from "../../host/remote-call.ts"
import { remoteConfiguredOnce } from "../../host/remote-configured-once.ts"
import type { Supervisor } from "../../host/supervisor.ts"
import { toStruct } from "../../wire/struct.ts"

const method = CertificateIssuer.method
const chainShape = z.string()

/** Makes a certificate issuer in another process look like one in this process. */
export function remoteCertificateIssuer(supervisor: Supervisor): Plugin<"certificate-issuer"> {
  const ask = askedOf(supervisor)
  return {
    ...remoteConfiguredOnce(supervisor),
    issueComponentCertificate: async (request, call) =>
      readAnswer(
        chainShape,
        await ask(method.issueComponentCertificate, call, (caller) => ({ caller, request: toStruct(request) })),
      ),
    async revoke(serialNumber, call) {
      await ask(method.revoke, call, (caller) => ({ caller, serialNumber }))
    },
  }
}
