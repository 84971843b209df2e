import type { UpstreamCertificateIssuerV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { wireError } from "../../errors/upstream-errors.ts"
import {
  CertificateIssuerService,
  type GetCertificateValidity,
  ValidityType,
} from "../../generated/plugin/certificate_issuer/v1/certificate_issuer_pb.js"
import { upstreamCalls, upstreamPartOf } from "../../serve/upstream-call.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext } from "../kind.ts"

/** Upstream's documents give an issue two minutes. */
const callTimeoutMs = 120_000

/** RFC 5280, ub-common-name. */
const longestCommonName = 64

const daysOf: Readonly<Record<ValidityType, number>> = {
  [ValidityType.UNSPECIFIED]: 1,
  [ValidityType.DAYS]: 1,
  [ValidityType.MONTHS]: 30,
  [ValidityType.YEARS]: 365,
}

/** Adds upstream's service for certificates. */
export function addUpstreamCertificateIssuer({ server, plugin, clock }: ServeContext<"certificate-issuer">): string {
  const calls = upstreamCalls(clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamCertificateIssuerV1 => upstreamPartOf(plugin.current())

  return addUnaryService(server, CertificateIssuerService, {
    getCertificate: ({ commonName, locality, validity, privateKey }, call) =>
      calls(call, async (options) => {
        const key = privateKey?.data ?? new Uint8Array()
        try {
          // The host may ask with an empty name before a keystore is ready; after a refusal it asks again with the right one.
          if (commonName === "" || commonName.length > longestCommonName) {
            throw refused(`The common name must have 1 to ${longestCommonName} characters.`)
          }
          if (key.length === 0) throw refused("The private key is missing.")
          const request = { commonName, localities: locality, validityDays: validityDays(validity), privateKey: key }
          const chain = await upstream().getCertificate(request, options)
          if (chain !== "") return { certificateChain: chain }
          throw pluginError("BAD_RESPONSE", "The issuer returned an empty chain.", "Look at the issuer's log.")
        } finally {
          key.fill(0)
        }
      }),
  })
}

function validityDays(validity: GetCertificateValidity | undefined): number {
  const days = Number(validity?.value ?? 0n) * daysOf[validity?.type ?? ValidityType.UNSPECIFIED]
  if (days >= 1) return days
  throw refused("The validity must be at least one day.")
}

function refused(message: string) {
  return pluginError("INVALID_REQUEST", message, "Send the request again with what is missing.")
}
