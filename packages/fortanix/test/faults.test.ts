import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createServerCertificates } from "@apeiro-cmk/test-backends"
import { keystoreFaultMatrix, type OpenRequest, tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, it } from "vitest"
import { plugin } from "../src/index.ts"
import { Dsm } from "./dsm.ts"

describe("fortanix behind a faulty network", () => {
  let dsm: Dsm
  let certificates: Awaited<ReturnType<typeof createServerCertificates>>
  beforeAll(async () => {
    dsm = await Dsm.start()
    certificates = await createServerCertificates()
  })
  afterAll(() => dsm.stop())

  keystoreFaultMatrix({ describe, it: it.concurrent }, { name: "fortanix", open, timeoutMs: 1_500 })

  async function open({ tenantId }: OpenRequest) {
    const { host, port } = dsm.emulator
    const proxy = await tcpFaultProxy({ target: { host, port }, tls: certificates })
    const address = `https://${proxy.host}:${proxy.port}`
    const started = await openInProcess(plugin, {
      pluginConfiguration: dsm.pluginConfiguration(address),
      services: testServices(),
    })
    const configuration = { ...dsm.place(address).configuration, ca_certificate: certificates.authority }
    const instance = await started.openKeystore(configuration, testCall({ tenantId }))
    return { plugin: started, instance, proxy, close: () => proxy.close() }
  }
})
