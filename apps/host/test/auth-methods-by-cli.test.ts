import { generateKeyPairSync, sign } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import {
  type KubernetesServer,
  kubernetesAvailable,
  type OpenBaoServer,
  openBaoAvailable,
  startKubernetes,
  startOpenBao,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"

const available = (await openBaoAvailable()) && (await kubernetesAvailable())
const mount = "openkcm-keys"

/** Fields of a configuration that say who asks, and the same with an unknown credential. */
interface Login {
  readonly good: Readonly<Record<string, unknown>>
  readonly bad: Readonly<Record<string, unknown>>
}

describe.skipIf(!available)("every way to log in to a real OpenBao, by the command line", () => {
  let bao: OpenBaoServer
  let kubernetes: KubernetesServer
  let host: TestHost
  let cli: Cli
  let issuer: ReturnType<typeof tokenIssuer>

  beforeAll(async () => {
    ;[bao, kubernetes] = await Promise.all([startOpenBao({ tls: true }), startKubernetes()])
    issuer = tokenIssuer()
    host = await startTestHost({}, await testFolder({ openBao: { endpoint: bao.address } }))
    cli = cliOf(host)
    const { admin } = bao
    await admin.enableTransit(mount)
    for (const method of ["approle", "kubernetes", "jwt", "cert"]) await admin.enableAuth(method)
    await kubernetes.createServiceAccount("cmk", "openkcm")
    await write("auth/kubernetes/config", {
      kubernetes_host: kubernetes.address,
      kubernetes_ca_cert: kubernetes.authority,
      token_reviewer_jwt: kubernetes.adminToken,
      disable_local_ca_jwt: true,
    })
    await write("auth/jwt/config", { jwt_validation_pubkeys: [issuer.publicKey], bound_issuer: issuer.name })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await kubernetes.stop()
    await bao.stop()
  })

  async function write(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const { status } = await bao.admin.send({ method: "POST", path, body })
    expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code < 300)])
  }

  /** Writes a file that the tenant's configurations may name. @returns the name to use there */
  async function credentialFile(tenantId: string, name: string, content: string): Promise<string> {
    const folder = join(host.folder.dataDirectory, "credentials", tenantId)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, name), content, { mode: 0o600 })
    return name
  }

  const appRole = (name: string) => bao.admin.createAppRole({ name, policies: [name] })

  const logins: Readonly<Record<string, (name: string) => Promise<Login>>> = {
    async token(name) {
      const { token } = await bao.admin.createToken({ policies: [name] })
      return by("token", { token }, { token: "s.nobody" })
    },
    async approle(name) {
      const { roleId, secretId } = await appRole(name)
      return by("approle", { role_id: roleId, secret_id: secretId }, { role_id: roleId, secret_id: "nobody" })
    },
    async "approle-file"(name) {
      const { roleId, secretId } = await appRole(name)
      const good = { role_id: roleId, secret_id_path: await credentialFile(name, "secret-id", `${secretId}\n`) }
      return by("approle", good, { role_id: roleId, secret_id_path: await credentialFile(name, "other", "nobody") })
    },
    async "approle-wrapped"(name) {
      const { roleId } = await appRole(name)
      const good = { role_id: roleId, wrapped_secret_id: await bao.admin.createWrappedSecretId(name) }
      return by("approle", good, { role_id: roleId, wrapped_secret_id: "s.nobody" })
    },
    async kubernetes(name) {
      await write(`auth/kubernetes/role/${name}`, {
        ...{ bound_service_account_names: ["openkcm"], bound_service_account_namespaces: ["cmk"] },
        ...{ audience: "openbao", token_policies: [name] },
      })
      const token = await kubernetes.serviceAccountToken("cmk", "openkcm", "openbao")
      const other = await kubernetes.serviceAccountToken("cmk", "openkcm", "somebody-else")
      const good = { role: name, jwt_path: await credentialFile(name, "token", token) }
      return by("kubernetes", good, { role: name, jwt_path: await credentialFile(name, "other", other) })
    },
    async jwt(name) {
      await write(`auth/jwt/role/${name}`, {
        ...{ role_type: "jwt", user_claim: "sub", bound_audiences: ["openbao"], token_policies: [name] },
      })
      const stranger = tokenIssuer()
      return by("jwt", { role: name, jwt: issuer.issue(name) }, { role: name, jwt: stranger.issue(name) })
    },
    async cert(name) {
      const certificate = bao.authority?.certificate ?? ""
      await write(`auth/cert/certs/${name}`, { certificate, allowed_common_names: [name], token_policies: [name] })
      return by("cert", { role: name, ...(await clientOf(name)) }, { role: name, ...(await clientOf("nobody")) })
    },
  }

  const clientOf = async (commonName: string) => {
    const issued = await bao.authority?.issue({ commonName })
    return { client_certificate: issued?.certificate, client_key: issued?.privateKey }
  }

  it.each(Object.keys(logins))("%s", async (name) => {
    const login = logins[name]
    if (login === undefined) throw new Error("no such login")
    await cli.run("tenant", "create", name)
    await bao.admin.createTransitKey({ mount, name })
    await bao.admin.writePolicy(name, policyOf(name))
    const { good, bad } = await login(name)
    const file = async (kind: string, fields: Readonly<Record<string, unknown>>) => {
      const place = { vault_address: bao.address, ca_certificate: bao.authority?.certificate }
      const configuration = { ...place, mount_path: mount, key_name: name, ...fields }
      const path = join(host.folder.path, `${name}-${kind}.json`)
      await writeFile(path, JSON.stringify({ plugin_type: "openbao", plugin_name: "bao", configuration }))
      return path
    }

    const refused = await cli.run("keystore", "test", name, "--file", await file("bad", bad))
    expect(refused).toMatchObject({ exitCode: 7, stdout: expect.stringMatching(/FAIL +authentication/) })
    expect(await cli.run("keystore", "add", name, await file("good", good))).toMatchObject({ exitCode: 0 })
    const tested = await cli.run("keystore", "test", name, "bao")
    expect(tested).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("connection_successful") })
    expect(tested.stdout).not.toMatch(/^(WARN|FAIL)/m)
    expect(await cli.run("keystore", "activate", name, "bao")).toMatchObject({ exitCode: 0 })
    await cli.run("service-key", "create", name, "orders")
    const made = await cli.run("data-key", "generate", name, "orders", "--plaintext-file", join(host.folder.path, name))
    expect(made).toMatchObject({ exitCode: 0 })
    for (const secret of Object.values(good).filter((value) => typeof value === "string" && value.length > 64)) {
      host.log.assertNoCanary([String(secret)])
    }
  })
})

function by(method: string, good: Login["good"], bad: Login["bad"]): Login {
  return { good: { auth_method: method, ...good }, bad: { auth_method: method, ...bad } }
}

function policyOf(key: string): string {
  return `path "${mount}/encrypt/${key}" { capabilities = ["update"] }
    path "${mount}/decrypt/${key}" { capabilities = ["update"] }
    path "${mount}/keys/${key}" { capabilities = ["read"] }`
}

/** Signs tokens as an issuer that an OpenBao can trust (RFC 7519, ES256). */
function tokenIssuer() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const name = "https://issuer.test"
  return {
    name,
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    issue(subject: string): string {
      const nowSeconds = Math.floor(Date.now() / 1000)
      const claims = { iss: name, sub: subject, aud: ["openbao"], iat: nowSeconds - 60, exp: nowSeconds + 600 }
      const text = `${encoded({ alg: "ES256", typ: "JWT" })}.${encoded(claims)}`
      const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" })
      return `${text}.${signature.toString("base64url")}`
    },
  }
}
