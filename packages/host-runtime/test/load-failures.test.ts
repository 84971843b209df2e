import { readFileSync } from "node:fs"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it } from "vitest"
import { loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { failureOf, loadFailureFixtures, loadFailureProfile, project } from "./project.ts"

/** The part of the message that a human reads first; the code is the folder's name. */
const messages: Readonly<Record<string, RegExp>> = {
  PROFILE_INVALID: /has 3 problems:/,
  PLUGIN_PACKAGE_NOT_FOUND: /`broken` needs the package @somebody\/not-installed, which is not installed/,
  PLUGIN_DEPENDENCY_MISSING: /`broken` comes from needs-more.* imports: Cannot find package 'a-vendor-sdk'/,
  PLUGIN_EXPORT_MISSING: /exports no `plugin` \(it exports: keystore\)/,
  PLUGIN_IMPORT_FAILED: /importing its module failed: this module always throws/,
  PLUGIN_MANIFEST_MISMATCH: /name is `something-else` in the manifest and `says-another-name` in package\.json/,
  PLUGIN_CONTRACT_UNSUPPORTED: /made for the contract keystore\/v2; this host serves keystore\/v1/,
  PLUGIN_CONFIG_INVALID: /refuses its configuration:/,
  PLUGIN_START_FAILED: /failed to start: cannot log in/,
  PLUGIN_CARDINALITY: /`second` serves the plugin type one, as `first` does/,
}

/** Which places the failure points at, as `line:column path`. */
const places: Readonly<Record<string, readonly string[]>> = {
  PROFILE_INVALID: ["1:7 mode", "3:5 plugins[0].package", "5:5 plugins[0].pakage"],
  PLUGIN_PACKAGE_NOT_FOUND: ["5:14 plugins[0].package"],
  PLUGIN_CONFIG_INVALID: [
    "7:14 plugins[0].configuration.start",
    "8:14 plugins[0].configuration.token",
    "9:7 plugins[0].configuration.colour",
  ],
  PLUGIN_CARDINALITY: ["8:14 plugins[1].package"],
}

async function run(code: string) {
  const { profile, install } = project(readFileSync(loadFailureProfile(code), "utf8"))
  if (messages[code] === undefined) throw new Error(`no expectation for ${code}`)
  if (!["PROFILE_INVALID", "PLUGIN_PACKAGE_NOT_FOUND"].includes(code)) install(`load-failures/${code}/packages`)
  const services = testServices()
  const loaded = await loadProfile(profile, { environment: {} })
  const catalog = await loadCatalog(loaded, { makeServices: () => services, clock: systemClock })
  await startPlugins(catalog, { clock: systemClock, logger: services.logger })
}

it("has a broken fixture for each of the ten load failures", () => {
  expect(loadFailureFixtures().toSorted()).toEqual(Object.keys(messages).toSorted())
  expect(loadFailureFixtures()).toHaveLength(10)
})

it.each(Object.keys(messages))("answers the broken fixture with %s and says what to do", async (code) => {
  const failure = await failureOf(run(code))
  expect(failure.code).toBe(code)
  expect(failure.message).toMatch(messages[code] ?? /^$/)
  expect(failure.nextStep).toMatch(/^[A-Z].{20,}\.$/)
  expect(failure.problems.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual(places[code] ?? [])
})
