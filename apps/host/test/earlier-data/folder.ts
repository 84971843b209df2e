import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as z from "zod"
import { type TestFolder, testFolder } from "../test-host.ts"
import { openBaoAddress, type RefusingOpenBao } from "./refusing-openbao.ts"

const profileDocument = z.looseObject({
  plugins: z.array(z.looseObject({ name: z.string(), configuration: z.record(z.string(), z.unknown()) })),
})

/** Makes the folder of a host whose OpenBao keystores, those of the platform included, are at the refusing server. */
export async function folderWithOpenBao(
  { proxyUrl }: RefusingOpenBao,
  databaseUrl: string | undefined,
): Promise<TestFolder> {
  const folder = await testFolder(databaseUrl === undefined ? {} : { databaseUrl })
  const profile = profileDocument.parse(JSON.parse(await readFile(folder.profilePath, "utf8")))
  const plugin = profile.plugins.find(({ name }) => name === "openbao")
  if (plugin === undefined) throw new Error("The profile has no plugin openbao.")
  plugin.configuration = {
    allowedEndpoints: [openBaoAddress],
    proxy: proxyUrl,
    platform: { vault_address: openBaoAddress, auth_method: "token" },
    platformCredential: { source: "file", file: { path: "platform-token" } },
  }
  await writeFile(join(folder.path, "platform-token"), "test-platform-token", { mode: 0o600 })
  await writeFile(folder.profilePath, JSON.stringify(profile))
  return folder
}
