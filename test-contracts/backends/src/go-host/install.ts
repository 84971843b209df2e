import { fileURLToPath } from "node:url"
import { installGoProgram } from "../go-program.ts"

/** Version of openkcm/plugin-sdk whose loader the Go host is. */
export const upstreamSdkVersion = "0.14.0"

const module = {
  folder: fileURLToPath(new URL("../../../go-host/", import.meta.url)),
  sources: ["main.go", "compare.go", "testplugin/main.go", "go.mod", "go.sum"],
}

/**
 * Builds the host that loads plugins by upstream's own code.
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installGoHost(): Promise<string> {
  const title = `the Go host on openkcm/plugin-sdk ${upstreamSdkVersion}`
  return installGoProgram({ ...module, title, cacheName: `go-host-${upstreamSdkVersion}`, binaryName: "gohost" })
}
