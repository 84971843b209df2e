import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { policyOf } from "../src/setup/policy.ts"
import { OpenBao } from "./open-bao.ts"
import { preparePlatform, upstreamPlatformPolicy } from "./platform-policy.ts"

type Body = Readonly<Record<string, unknown>>

const available = await openBaoAvailable()
const login = z.object({ auth: z.object({ client_token: z.string(), token_policies: z.array(z.string()) }) })
const everything = `path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }`

/** Names of the guide's policies, in one isolation. */
const places = {
  namespace: { at: "openkcm-acme_main/", role: "auth/approle/role/openkcm-transit__l1", policy: "openkcm-transit__l1" },
  mount: { at: "", role: "auth/openkcm-keystores/role/openkcm-acme_main", policy: "openkcm-keystore" },
  upstream: { at: "openkcm-acme_main/", role: "auth/cert/certs/management-1", policy: "openkcm-management" },
} as const

describe.skipIf(!available).each(["namespace", "mount", "upstream"] as const)(
  "the guide's policy for the platform's credential, isolation %s",
  (isolation) => {
    const { at, role, policy } = places[isolation]
    let bao: OpenBao
    let token: string
    beforeAll(async () => {
      bao = await OpenBao.start()
      const text = await preparePlatform(bao, isolation === "mount" ? "mount" : "namespace")
      await bao.admin.writePolicy("platform", isolation === "upstream" ? upstreamPlatformPolicy() : text)
      await bao.admin.writePolicy("admin", everything)
      await bao.admin.enableTransit("teamb")
      await bao.admin.createTransitKey({ mount: "teamb", name: "l1" })
      token = await bao.createBareToken("platform")
      const platform = {
        vault_address: bao.server.address,
        isolation: isolation === "mount" ? "mount" : "namespace",
        auth_method: "token",
      }
      const { provider } = await bao.start({ platform, platformCredential: token }, testServices())
      await provider?.createKeystore({ keystoreId: "main" }, testCall({ tenantId: "acme" }))
    })
    afterAll(() => bao.stop())

    const send = (method: "GET" | "POST" | "DELETE", path: string, body?: Body) =>
      bao.server.send({ method, path, token, ...(body === undefined ? {} : { body }) })
    const statusesOf = async (attempts: readonly (readonly [string, Body])[]) => {
      const made: (readonly [string, Body])[] = []
      for (const [path, body] of attempts) {
        const { status } = await send("POST", path, body)
        // OpenBao itself refuses a write to a path with a slash at its end, whatever the policy says.
        if (status !== 403 && !(path.endsWith("/") && status >= 400)) made.push([path, { ...body, status }])
      }
      return made
    }

    it("gives a role no other policy, in any spelling", async () => {
      const bodies: Body[] = [
        ...[
          "admin",
          "root",
          `${policy},admin`,
          `admin,${policy}`,
          ` ${policy}`,
          `${policy.toUpperCase()}`,
          `${policy}*`,
        ],
      ].flatMap((value) => [{ token_policies: value }, { policies: value }, { token_policies: [value] }])
      const more: Body[] = [
        ...[{ token_policies: [policy, "admin"] }, { token_policies: policy, policies: "admin" }, { policies: policy }],
        ...[{ Token_Policies: "admin" }, { TOKEN_POLICIES: "admin" }, { token_no_default_policy: true }],
        ...[{ token_bound_cidrs: "0.0.0.0/0" }, { token_type: "batch" }, { token_period: "768h" }, { period: "768h" }],
        ...[{ bind_secret_id: false }, { bind_secret_id: "false" }, { local_secret_ids: true }],
        ...[{ token_explicit_max_ttl: "0" }, { allowed_names: "*", token_policies: "admin" }],
      ]
      const paths = [role, role.replace(/[^/]+$/, "openkcm-evil"), `${role}/`]
      expect(
        await statusesOf(paths.flatMap((path) => [...bodies, ...more].map((body) => [`${at}${path}`, body] as const))),
      ).toEqual([])
    })

    it("reaches no field of a role beside the role itself", async () => {
      const fields = ["policies", "token-policies", "bind-secret-id", "custom-secret-id", "token-period", "period"]
      const body = { policies: "admin", token_policies: "admin", secret_id: "chosen", bind_secret_id: false }
      expect(await statusesOf(fields.map((field) => [`${at}${role}/${field}`, body] as const))).toEqual([])
    })

    it("writes no policy of another text, and none under another name", async () => {
      const own = policyOf({ mount_path: "transit", key_name: "l1" })
      const texts = [everything, own + everything, `${everything}\n${own}`, Buffer.from(everything).toString("base64")]
      const names = [policy, "openkcm-openkcm-evil", "openkcm-evil", "admin", "default", "platform", `${policy}/x`]
      const attempts = names.flatMap((name) =>
        texts.flatMap((text) =>
          [`sys/policies/acl/${name}`, `sys/policy/${name}`].map((path) => [`${at}${path}`, { policy: text }] as const),
        ),
      )
      const rules = names.map((name) => [`${at}sys/policy/${name}`, { rules: everything }] as const)
      expect(await statusesOf([...attempts, ...rules])).toEqual([])
    })

    it("makes no engine, auth method, token or identity beside those of keystores", async () => {
      const attempts: (readonly [string, Body])[] = [
        ...["auth/token/create", "auth/token/create-orphan", "auth/token/roles/openkcm-x", "identity/entity"].map(
          (path) => [path, { policies: ["admin"], allowed_policies: ["admin"], no_parent: true }] as const,
        ),
        ...["sys/auth/openkcm-x", "sys/auth/userpass", "sys/auth/approle", `${at}sys/auth/token2`].map(
          (path) => [path, { type: "userpass" }] as const,
        ),
        ...["auth/approle/role/openkcm-x", "auth/userpass/users/x", "auth/other/role/openkcm-x"].flatMap((path) =>
          ["", "openkcm-keystores/", "teamb/"].map((before) => [before + path, { token_policies: "admin" }] as const),
        ),
        ...["sys/mounts/openkcm-x", "sys/mounts/other", `${at}sys/mounts/transit`, "sys/remount"].map(
          (path) => [path, { type: "kv", from: "teamb", to: "openkcm-x" }] as const,
        ),
        [`sys/mounts/${isolation === "mount" ? "openkcm-acme_main" : "teamb"}/tune`, { max_lease_ttl: "1h" }],
        ["sys/namespaces/teamb", { custom_metadata: {} }],
        [`${at}${isolation === "mount" ? "openkcm-acme_main" : "transit"}/keys/l1`, { exportable: true }],
        [`${at}${isolation === "mount" ? "openkcm-acme_main" : "transit"}/keys/l1/config`, { exportable: true }],
      ]
      expect(await statusesOf(attempts)).toEqual([])
    })

    it("uses no key: its own, a tenant's or another team's", async () => {
      const engine = isolation === "mount" ? "openkcm-acme_main" : `${at}transit`
      for (const mount of [engine, "teamb"]) {
        expect(
          await statusesOf([
            ...["encrypt", "decrypt", "rewrap", "hmac", "datakey/plaintext"].map(
              (verb) =>
                [`${mount}/${verb}/l1`, { plaintext: "AAAA", input: "AAAA", ciphertext: "vault:v1:AAAA" }] as const,
            ),
          ]),
        ).toEqual([])
        for (const path of ["export/encryption-key/l1", "backup/l1"]) {
          expect((await send("GET", `${mount}/${path}`)).status).toBe(403)
        }
      }
      expect((await send("DELETE", "sys/mounts/teamb")).status).toBe(403)
      expect((await send("DELETE", "sys/policies/acl/admin")).status).toBe(403)
    })

    // Under upstream a role stands for a certificate: there is no secret id to log in with.
    if (isolation === "upstream") return
    it("logs in by its roles with the keystore's policy alone", async () => {
      const mount = isolation === "mount" ? "openkcm-keystores" : "approle"
      const { body: id } = await send("GET", `${at}${role}/role-id`)
      const { body: secret } = await send("POST", `${at}${role}/secret-id`, { metadata: '{"role_name":"teamb"}' })
      const data = z.object({ data: z.object({ role_id: z.string().optional(), secret_id: z.string().optional() }) })
      const credential = { ...data.parse(id).data, ...data.parse(secret).data }
      const answer = await bao.server.send({ method: "POST", path: `${at}auth/${mount}/login`, body: credential })
      const { auth } = login.parse(answer.body)
      expect(auth.token_policies.filter((name) => name !== "default")).toEqual([policy])
      for (const path of ["teamb/encrypt/l1", "openkcm-globex_main/encrypt/l1"]) {
        const tried = await bao.server.send({
          ...{ method: "POST", path, token: auth.client_token, body: { plaintext: "AAAA" } },
        })
        expect(tried.status).toBe(403)
      }
    })
  },
)
