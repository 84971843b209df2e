import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { CertificateIssuer } from "../generated/apeiro/cmk/certificateissuer/v1/certificate_issuer_pb.js"
import { toStruct } from "../struct.ts"
import { remoteAnswers } from "./remote-answers.ts"
import { askedOf } from "./remote-call.ts"
import type { Supervisor } from "./supervisor.ts"

const method = CertificateIssuer.method

/** A certificate issuer in another process, as if it were in this one. */
export function supervisedCertificateIssuer(supervisor: Supervisor): Plugin<"certificate-issuer"> {
  const ask = askedOf(supervisor)
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    issueComponentCertificate: async (request, call) =>
      remoteAnswers.certificateChain(
        await ask(method.issueComponentCertificate, call, (caller) => ({ caller, request: toStruct(request) })),
      ),
    async revoke(serialNumber, call) {
      await ask(method.revoke, call, (caller) => ({ caller, serialNumber }))
    },
  }
}
