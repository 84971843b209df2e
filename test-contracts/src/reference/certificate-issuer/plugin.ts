import type {
  CallOptions,
  CertificateIssuerPluginV1,
  ComponentCertificateRequest,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { definePlugin, unsupported } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { type ReferenceConfiguration, ReferencePlugin, referenceConfiguration } from "../reference-plugin.ts"

const withoutRevocation = "the reference issuer keeps no list of what it issued"

class ReferenceIssuer extends ReferencePlugin<"certificate-issuer"> implements CertificateIssuerPluginV1 {
  constructor(configuration: ReferenceConfiguration, services: PluginServices<"certificate-issuer">) {
    const nextStep = "Send a PKCS#10 request in PEM."
    const meanings = { "not-a-request": { code: "INVALID_REQUEST", nextStep } } as const
    super(configuration, services, { loginAction: "certificateIssuerLogin", meanings })
  }

  async issueComponentCertificate(request: ComponentCertificateRequest, call: CallOptions): Promise<string> {
    const { chain } = await this.ask("issue", request, z.object({ chain: z.string() }), call)
    return chain
  }

  async revoke(): Promise<void> {
    throw unsupported("revoke", withoutRevocation)
  }
}

/** A certificate issuer against which the kit proves itself. Its issuer is `startReferenceBackend("certificate-issuer")`. */
export const referenceCertificateIssuer = definePlugin({
  manifest: {
    name: "reference-certificate-issuer",
    displayName: "Reference certificate issuer",
    description: "Connects the reference certificate issuer of the conformance kit.",
    kind: "certificate-issuer",
    contract: "certificate-issuer/v1",
    capabilities: [],
    unsupported: { revoke: withoutRevocation },
  },
  configuration: { plugin: referenceConfiguration },
  create: (configuration, services) => new ReferenceIssuer(configuration, services),
})
