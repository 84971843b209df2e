import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createServerCertificates, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { keystoreFaultMatrix, type OpenRequest, tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, it } from "vitest"
import { mount, narrowPolicy, OpenBao } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao behind a faulty network", () => {
  let bao: OpenBao
  let certificates: Awaited<ReturnType<typeof createServerCertificates>>
  beforeAll(async () => {
    bao = await OpenBao.start()
    certificates = await createServerCertificates()
  })
  afterAll(async () => bao?.stop())

  keystoreFaultMatrix({ describe, it: it.concurrent }, { name: "openbao", open })

  async function open({ tenantId }: OpenRequest) {
    const key = await bao.createKey()
    const role = bao.newName("role")
    await bao.admin.writePolicy(role, narrowPolicy(key))
    const { roleId, secretId } = await bao.admin.createAppRole({ name: role, policies: [role] })
    const proxy = await tcpFaultProxy({ target: bao.server, tls: certificates })
    const plugin = await bao.start({}, testServices())
    const configuration = {
      vault_address: `https://${proxy.host}:${proxy.port}`,
      ca_certificate: certificates.authority,
      mount_path: mount,
      key_name: key,
      auth_method: "approle",
      role_id: roleId,
      secret_id: secretId,
    }
    const instance = await plugin.openKeystore(configuration, testCall({ tenantId }))
    return { plugin, instance, proxy, close: () => proxy.close() }
  }
})
