import { fileURLToPath } from "node:url"
import { installGoProgram } from "../go-program.ts"

/** The version of the Kubernetes API server that the tests run against. */
export const kubernetesVersion = "1.36.3"

/**
 * Builds the Kubernetes API server into the user's cache unless it is already there. The first build takes some minutes
 * and needs Go and its module proxy.
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installKubernetes(): Promise<string> {
  return installGoProgram({
    title: `Kubernetes ${kubernetesVersion}`,
    folder: fileURLToPath(new URL("../../kubernetes/", import.meta.url)),
    sources: ["main.go", "certmanager.go", "go.mod", "go.sum"],
    cacheName: `kubernetes-${kubernetesVersion}`,
    fileName: "kubetest",
    linkerFlags: `-X k8s.io/component-base/version.gitVersion=v${kubernetesVersion}`,
  })
}
