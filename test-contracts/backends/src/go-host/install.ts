import { fileURLToPath } from "node:url"
import { installGoProgram } from "../go-program.ts"

/** Version of openkcm/plugin-sdk whose loader the Go host uses. */
export const upstreamSdkVersion = "0.14.0"

const module = {
  folder: fileURLToPath(new URL("../../../go-host/", import.meta.url)),
  sources: ["main.go", "compare.go", "testplugin/main.go", "go.mod", "go.sum"],
}

/**
 * Builds a plugin of any upstream type in Go, with upstream's own code: a foreign plugin for our own host.
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installGoPlugin(): Promise<string> {
  const title = `the Go plugin on openkcm/plugin-sdk ${upstreamSdkVersion}`
  const program = { ...module, title, packagePath: "./testplugin", fileName: "testplugin" }
  return installGoProgram({ ...program, cacheName: `go-host-${upstreamSdkVersion}` })
}

/**
 * Builds the host that loads plugins with upstream's own code.
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installGoHost(): Promise<string> {
  const title = `the Go host on openkcm/plugin-sdk ${upstreamSdkVersion}`
  return installGoProgram({ ...module, title, cacheName: `go-host-${upstreamSdkVersion}`, fileName: "gohost" })
}
