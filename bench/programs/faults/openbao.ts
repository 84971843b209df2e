import { plugin } from "@apeiro-cmk/openbao"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createServerCertificates, type OpenBaoServer, startOpenBao } from "@apeiro-cmk/test-backends"
import {
  type FaultMatrixOptions,
  type OpenedBehindProxy,
  type OpenRequest,
  tcpFaultProxy,
} from "@apeiro-cmk/test-contracts"

const mount = "transit"
const key = "tenant-key"
const uses = ["encrypt", "decrypt"].map((use) => `path "${mount}/${use}/${key}" { capabilities = ["update"] }`)
const policy = [...uses, `path "${mount}/keys/${key}" { capabilities = ["read"] }`].join("\n")

/** A plugin with its server, ready for the fault matrix. */
export interface FaultContestant extends FaultMatrixOptions {
  stop(): Promise<void>
}

/** OpenBao behind a proxy that speaks TLS: every fault applies. */
export async function startOpenBaoContestant(timeoutMs: number): Promise<FaultContestant> {
  const server = await startOpenBao()
  const { admin } = server
  await admin.enableTransit(mount)
  await admin.createTransitKey({ mount, name: key })
  await admin.writePolicy(key, policy)
  await admin.enableAuth("approle")
  const certificates = await createServerCertificates()
  const credential = await admin.createAppRole({ name: key, policies: [key] })
  return {
    name: "openbao",
    timeoutMs,
    open: (request) => openBehindProxy(server, certificates, credential, request),
    stop: () => server.stop(),
  }
}

async function openBehindProxy(
  target: OpenBaoServer,
  certificates: Awaited<ReturnType<typeof createServerCertificates>>,
  { roleId, secretId }: { readonly roleId: string; readonly secretId: string },
  { tenantId }: OpenRequest,
): Promise<OpenedBehindProxy> {
  const proxy = await tcpFaultProxy({ target, tls: certificates })
  const origin = `https://${proxy.host}:${proxy.port}`
  const started = await openInProcess(plugin, {
    services: testServices(),
    pluginConfiguration: { allowedEndpoints: [origin], allowedAddresses: ["127.0.0.1/32"] },
  })
  const configuration = {
    ...{ vault_address: origin, ca_certificate: certificates.authority, mount_path: mount, key_name: key },
    ...{ auth_method: "approle", role_id: roleId, secret_id: secretId },
  }
  const instance = await started.openKeystore(configuration, testCall({ tenantId }))
  return { plugin: started, instance, proxy, close: () => proxy.close() }
}
