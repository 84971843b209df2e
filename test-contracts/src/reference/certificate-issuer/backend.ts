import * as z from "zod"
import { type Operations, Refusal } from "../operations.ts"

const request = z.object({ commonName: z.string(), validityDays: z.number(), certificateSigningRequest: z.string() })

/** The reference issuer returns a chain that names the request, and refuses a signing request without PEM. */
export const certificateIssuerOperations: Operations = {
  issue(input) {
    const { commonName, validityDays, certificateSigningRequest } = request.parse(input)
    if (!certificateSigningRequest.includes("BEGIN CERTIFICATE REQUEST")) throw new Refusal("not-a-request")
    return { chain: `-----BEGIN CERTIFICATE-----\n${commonName} for ${validityDays} days\n-----END CERTIFICATE-----\n` }
  },
}
