import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type KubernetesServer, kubernetesAvailable, kubernetesVersion, startKubernetes } from "../src/index.ts"

const available = await kubernetesAvailable()

describe.skipIf(!available)("the Kubernetes API server", () => {
  let server: KubernetesServer
  beforeAll(async () => {
    server = await startKubernetes()
  })
  afterAll(async () => server?.stop())

  it("is the real server, in the pinned version", async () => {
    const { body } = await server.send({ method: "GET", path: "/version" })
    expect(body).toMatchObject({ gitVersion: `v${kubernetesVersion}` })
  })

  it("issues tokens of service accounts, and reviews them", async () => {
    await server.createServiceAccount("team", "worker")
    const token = await server.serviceAccountToken("team", "worker", "openbao")
    const review = async (audience: string) => {
      const body = { spec: { token, audiences: [audience] } }
      const path = "/apis/authentication.k8s.io/v1/tokenreviews"
      return (await server.send({ method: "POST", path, body })).body
    }
    expect(await review("openbao")).toMatchObject({
      status: { authenticated: true, user: { username: "system:serviceaccount:team:worker" } },
    })
    expect(await review("elsewhere")).not.toMatchObject({ status: { authenticated: true } })
  })
})
