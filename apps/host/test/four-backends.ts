import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type AwsEmulator,
  createTokenIssuer,
  startAwsEmulator,
  startFortanixEmulator,
  startOpenBao,
  startSoftHsm,
  TokenAdmin,
} from "@apeiro-cmk/test-backends"

/** The document of a keystore, as an administrator writes it. */
export interface KeystoreDocument {
  readonly plugin_type: string
  readonly plugin_name: string
  readonly configuration: Readonly<Record<string, unknown>>
}

/** One of the four keystores of stories 1 to 4, running. */
export interface RunningBackend {
  /** Its entry in a profile. */
  readonly plugin: Readonly<Record<string, unknown>>
  /** Makes a new key and a credential for it. @returns the keystore's document, with the story's names */
  newKeystore(): Promise<KeystoreDocument>
  /** Stops the keystore: nothing answers any longer. */
  stop(): Promise<void>
}

const loopback = ["127.0.0.0/8"]
const keystorePlugin = (name: string, configuration: object) => ({
  ...{ name, type: "keystore", package: `@apeiro-cmk/${name}`, configuration },
})

/** Story 1, on our AWS emulator. */
export async function startAws(): Promise<RunningBackend & { readonly emulator: AwsEmulator }> {
  const account = "123456789012"
  const region = "us-east-1"
  const platform = `arn:aws:iam::${account}:role/platform`
  const subject = "system:serviceaccount:openkcm:cmk"
  const issuer = createTokenIssuer()
  const emulator = await startAwsEmulator({ account, providers: [issuer.provider] })
  const policy = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] })
  const federation = `arn:aws:iam::${account}:oidc-provider/issuer.test/cluster`
  emulator.iam.putRole(
    platform,
    policy({
      ...{ Effect: "Allow", Principal: { Federated: federation }, Action: "sts:AssumeRoleWithWebIdentity" },
      Condition: { StringEquals: { "issuer.test/cluster:sub": subject } },
    }),
  )
  emulator.iam.putRolePolicy(platform, policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }))
  const folder = await mkdtemp(join(tmpdir(), "four-aws-"))
  const tokenFile = join(folder, "token")
  await writeFile(tokenFile, issuer.issue({ subject, expiresInSeconds: 3600 }), { mode: 0o600 })
  let count = 0
  return {
    emulator,
    plugin: keystorePlugin("aws-irsa", {
      ...{ allowedEndpoints: [emulator.address], allowedAddresses: loopback },
      webIdentity: { tokenFile, roleArn: platform, region },
      endpoints: { kms: emulator.address, sts: emulator.address },
    }),
    async newKeystore() {
      count += 1
      const key = emulator.createKey(region).arn
      const role = `arn:aws:iam::${account}:role/OpenKCM-KMS-Access-${count}`
      const externalId = `openkcm-external-id-${count}`
      const trust = { Effect: "Allow", Principal: { AWS: platform }, Action: "sts:AssumeRole" }
      emulator.iam.putRole(role, policy({ ...trust, Condition: { StringEquals: { "sts:ExternalId": externalId } } }))
      emulator.iam.putRolePolicy(role, policy({ Effect: "Allow", Action: "kms:*", Resource: key }))
      const configuration = { region, kms_key_id: key, role_arn: role, external_id: externalId }
      return { plugin_type: "aws_kms", plugin_name: "primary_aws_kms", configuration }
    },
    async stop() {
      await emulator.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Story 2, on our Fortanix emulator. */
export async function startFortanix(): Promise<RunningBackend> {
  const emulator = await startFortanixEmulator({ fipsLevel: 3 })
  let count = 0
  return {
    plugin: keystorePlugin("fortanix", { allowedEndpoints: [emulator.address], allowedAddresses: loopback }),
    async newKeystore() {
      count += 1
      const group = emulator.createGroup(`openkcm-key-group-${count}`)
      const name = `customer-master-key-${count}`
      emulator.createKey(group.id, { name, keyOps: ["ENCRYPT", "DECRYPT"] })
      const app = emulator.createApp({ groups: { [group.id]: ["ENCRYPT", "DECRYPT"] } })
      const configuration = {
        ...{ dsm_endpoint: emulator.address, app_uuid: app.id, api_key: emulator.apiKey(app) },
        ...{ group_id: group.name, key_name: name, max_operations_per_hour: 10_000 },
      }
      return { plugin_type: "fortanix_dsm", plugin_name: "fortanix_production", configuration }
    },
    stop: () => emulator.stop(),
  }
}

/** Story 3, on SoftHSM. */
export async function startThales(): Promise<RunningBackend> {
  const partition = "openkcm_partition"
  const pin = "canary-pin-of-four"
  const softHsm = await startSoftHsm()
  await softHsm.createToken(partition, pin)
  const admin = new TokenAdmin(softHsm.module, softHsm.environment, pin)
  let count = 0
  return {
    plugin: keystorePlugin("thales", {
      modules: { softhsm: { library: softHsm.module, environment: softHsm.environment } },
    }),
    async newKeystore() {
      count += 1
      const label = `openkcm-l1-${count}`
      admin.createKey(partition, label)
      const configuration = {
        ...{ hsm_ip_addresses: ["192.168.1.100"], partition_label: partition, key_label: label },
        ...{ pin, module: "softhsm" },
      }
      return { plugin_type: "thales_luna", plugin_name: "datacenter_primary", configuration }
    },
    async stop() {
      admin.close()
      await softHsm.stop()
    },
  }
}

/** Story 4, on a real OpenBao. */
export async function startBao(): Promise<RunningBackend> {
  const mount = "openkcm-keys"
  const bao = await startOpenBao()
  await bao.admin.enableTransit(mount)
  await bao.admin.enableAuth("approle")
  let count = 0
  return {
    plugin: keystorePlugin("openbao", { allowedEndpoints: [bao.address], allowedAddresses: loopback }),
    async newKeystore() {
      count += 1
      const key = `customer-master-key-${count}`
      const name = `openkcm-service-${count}`
      await bao.admin.createTransitKey({ mount, name: key })
      const allowed = (path: string, capability: string) => `path "${mount}/${path}/${key}" {
  capabilities = ["${capability}"]
}
`
      const paths = [allowed("encrypt", "update"), allowed("decrypt", "update"), allowed("keys", "read")]
      await bao.admin.writePolicy(name, paths.join("\n"))
      const { roleId, secretId } = await bao.admin.createAppRole({ name, policies: [name] })
      const configuration = {
        ...{ vault_address: bao.address, auth_method: "approle", role_id: roleId, secret_id: secretId },
        ...{ mount_path: mount, key_name: key },
      }
      return { plugin_type: "openbao", plugin_name: "openbao_cluster", configuration }
    },
    stop: () => bao.stop(),
  }
}
