import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { installOpenBao, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, stepsOf } from "./open-bao.ts"
import { tokenIssuer } from "./signed-tokens.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: set-up material for workloads", () => {
  let bao: OpenBao
  let folder: string
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
    folder = await mkdtemp(join(tmpdir(), "openbao-setup-"))
    await mkdir(join(folder, "acme"))
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Runs the script as printed. @returns its output */
  async function follow(configuration: Readonly<Record<string, unknown>>, variables: Readonly<Record<string, string>>) {
    const script = (await (await bao.start({}, testServices())).setupMaterial(configuration, testCall()))[1]
    const path = `${dirname(await installOpenBao())}${delimiter}${process.env.PATH ?? ""}`
    const env = { PATH: path, HOME: folder, BAO_TOKEN: bao.server.rootToken, ...variables }
    const { stdout } = await promisify(execFile)("bash", ["-c", script?.text ?? ""], { cwd: folder, env })
    return stdout
  }

  async function outcomes(key: string, fields: Readonly<Record<string, unknown>>) {
    const keystore = await bao.openAs(key, fields, testServices({ credentialDirectory: folder }))
    const steps = [...(await stepsOf(keystore)).values()]
    return steps.filter(({ name }) => name !== "audit_test").map(({ outcome }) => outcome)
  }

  it("prepares jwt for the role of the configuration", async () => {
    const issuer = tokenIssuer()
    const fields = { auth_method: "jwt", role: "chosen" }
    const variables = { TOKEN_SUBJECT: "workload", TOKEN_AUDIENCE: "openbao" }
    expect(await follow({ ...bao.configuration("k1"), ...fields }, variables)).toContain("role: chosen\n")
    await bao.write("auth/jwt/config", { jwt_validation_pubkeys: [issuer.publicKey], bound_issuer: issuer.name })
    const jwt = issuer.issue({ sub: "workload" })
    expect(await outcomes("k1", { ...fields, jwt })).toEqual(Array(6).fill("passed"))
  })

  it("prepares cert, and chooses the role name when the configuration has none", async () => {
    const { authority } = bao.server
    if (authority === undefined) throw new Error("the server has no authority")
    await writeFile(join(folder, "client-ca.pem"), authority.certificate)
    const variables = { CLIENT_CA_FILE: "client-ca.pem", CLIENT_COMMON_NAME: "openkcm" }
    const printed = await follow({ ...bao.configuration("k2"), auth_method: "cert" }, variables)
    const role = /^role: (.+)$/m.exec(printed)?.[1]
    const { certificate, privateKey } = await authority.issue({ commonName: "openkcm" })
    const fields = { auth_method: "cert", role, client_certificate: certificate, client_key: privateKey }
    expect(await outcomes("k2", fields)).toEqual(Array(6).fill("passed"))
  })

  it("prepares kubernetes: the role binds the service account and the audience", async () => {
    const variables = { SERVICE_ACCOUNT: "openkcm", SERVICE_ACCOUNT_NAMESPACE: "cmk", TOKEN_AUDIENCE: "openbao" }
    await follow({ ...bao.configuration("k3"), auth_method: "kubernetes", role: "openkcm" }, variables)
    const { body } = await bao.admin.send({ method: "GET", path: "auth/kubernetes/role/openkcm" })
    expect(body).toMatchObject({
      data: {
        bound_service_account_names: ["openkcm"],
        bound_service_account_namespaces: ["cmk"],
        audience: "openbao",
      },
    })
  })

  it("names a missing variable, and then changes no auth method", async () => {
    const configuration = { ...bao.configuration("k4"), auth_method: "jwt", auth_mount_path: "untouched" }
    await expect(follow(configuration, {})).rejects.toMatchObject({
      stderr: expect.stringContaining("Set TOKEN_SUBJECT first"),
    })
    const { status } = await bao.admin.send({ method: "GET", path: "sys/auth/untouched" })
    expect(status).toBe(400)
  })

  it("writes a wrapping token into the file of wrapped_secret_id_path", async () => {
    const fields = { auth_method: "approle", role_id: "wrapped-role", wrapped_secret_id_path: "wrapping-token" }
    await follow({ ...bao.configuration("k5"), ...fields }, {})
    const token = await readFile(join(folder, "wrapping-token"))
    await writeFile(join(folder, "acme", "wrapping-token"), token)
    expect(await outcomes("k5", fields)).toEqual(Array(6).fill("passed"))
  })
})
