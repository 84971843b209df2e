import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createServerCertificates } from "@apeiro-cmk/test-backends"
import { keystoreFaultMatrix, type OpenRequest, tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, it } from "vitest"
import { plugin } from "../src/index.ts"
import { Aws, region } from "./aws.ts"

describe("aws-irsa behind a faulty network", () => {
  let aws: Aws
  let certificates: Awaited<ReturnType<typeof createServerCertificates>>
  beforeAll(async () => {
    aws = await Aws.start()
    certificates = await createServerCertificates()
  })
  afterAll(() => aws.stop())

  keystoreFaultMatrix({ describe, it: it.concurrent }, { name: "aws-irsa", open, timeoutMs: 1_500 })

  async function open({ tenantId }: OpenRequest) {
    const { host, port } = aws.emulator
    const proxy = await tcpFaultProxy({ target: { host, port }, tls: certificates })
    const pluginConfiguration = {
      ...aws.pluginConfiguration(`https://${proxy.host}:${proxy.port}`),
      certificateAuthority: certificates.authority,
    }
    const started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
    const kms_key_id = aws.emulator.createKey(region).arn
    const configuration = { kms_key_id, role_arn: aws.createRole("external-id"), external_id: "external-id" }
    const instance = await started.openKeystore(configuration, testCall({ tenantId }))
    return { plugin: started, instance, proxy, close: () => proxy.close() }
  }
})
