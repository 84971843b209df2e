import { readFile } from "node:fs/promises"
import type { OpenBao } from "./open-bao.ts"

const guide = await readFile(new URL("../../../docs/guides/platform-openbao.md", import.meta.url), "utf8")
const [byNamespace, byMount] = policiesNamed("openkcm-platform")
const [keystorePolicy] = policiesNamed("openkcm-keystore")
const [upstreamLines] = [...guide.matchAll(/```hcl\n(path "\+\/sys\/policies.*?)```/gs)].map((match) => match[1])

/** Prepares OpenBao as docs/guides/platform-openbao.md says. @returns the policy of the platform's credential */
export async function preparePlatform(bao: OpenBao, isolation: "namespace" | "mount"): Promise<string> {
  if (isolation === "namespace") return required(byNamespace)
  await bao.write("sys/auth/openkcm-keystores", { type: "approle" })
  const accessor = await bao.accessorOf("openkcm-keystores")
  await bao.admin.writePolicy("openkcm-keystore", required(keystorePolicy).replaceAll("$accessor", accessor))
  return required(byMount)
}

/** Returns the policy of the platform's credential under the upstream host. */
export function upstreamPlatformPolicy(): string {
  return `${required(byNamespace)}\n${required(upstreamLines)}`
}

/** Returns the texts that the guide writes under one name, in order. */
function policiesNamed(name: string): readonly (string | undefined)[] {
  return [...guide.matchAll(new RegExp(`bao policy write ${name} - <<'?EOF'?\\n(.*?)\\nEOF\\n`, "gs"))].map(
    (match) => match[1],
  )
}

function required(text: string | undefined): string {
  if (text === undefined) throw new Error("docs/guides/platform-openbao.md has no such policy")
  return text
}
