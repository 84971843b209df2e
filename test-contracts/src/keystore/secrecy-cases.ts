import { inspect } from "node:util"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { assertNoCanary, collectSteps } from "./expectations.ts"

export const secrecyCases: readonly KeystoreCase[] = [
  {
    name: "lets no secret and no plaintext into errors or descriptions",
    async run(opened) {
      assertNothingLeaks("an answer", await useEverything(opened), opened)
    },
  },
  {
    name: "lets no secret and no plaintext into logs",
    async run(opened) {
      await useEverything(opened)
      await stepsWithAndWithoutFaults(opened)
      assertNothingLeaks("the log", [opened.logs()], opened)
    },
  },
  {
    name: "lets no secret and no plaintext into the steps of a connection test",
    async run(opened) {
      assertNothingLeaks("a step", (await stepsWithAndWithoutFaults(opened)).map(everythingOf), opened)
    },
  },
  {
    name: "lets no secret and no plaintext into the audit stream",
    async run(opened) {
      if (opened.auditEvents === undefined) return opened.notProven("auditEvents")
      await useEverything(opened)
      assertNothingLeaks("the audit stream", opened.auditEvents().map(everythingOf), opened)
    },
  },
  {
    name: "repeats no secret when it refuses a configuration",
    async run(opened) {
      const faulty = { ...opened.configuration, no_such_field: true }
      const rejected = await Promise.allSettled([opened.plugin.openKeystore(faulty, opened.call())])
      const parsed = opened.definition.configuration.keystore.parse(faulty)
      assertNothingLeaks("a refusal", [...rejected.map(everythingOf), everythingOf(parsed)], opened)
      assertNothingLeaks("the log", [opened.logs()], opened)
    },
  },
  {
    name: "shows no secret when it is printed itself",
    async run(opened) {
      await opened.instance.probe(opened.call())
      assertNothingLeaks("the printed keystore", [everythingOf(opened.instance)], opened)
    },
  },
]

/** Calls with every outcome. @returns all that came back beside plaintexts, as text */
async function useEverything({ instance, backend, proxy, call }: KeystoreCaseContext): Promise<readonly string[]> {
  const key = instance.defaultKey
  const missing = { keyId: backend.unusedKeyId() }
  const sealed = await instance.encrypt({ key, plaintext, context }, call())
  const { plaintext: _opened, ...besidePlaintext } = await instance.decrypt({ key, ...sealed, context }, call())
  const answers: unknown[] = [
    besidePlaintext,
    await instance.describeKey(key, call()),
    ...(await errorsOf([
      instance.decrypt({ key, ...sealed, context: { ...context, keyId: "other" } }, call()),
      instance.decrypt({ key, ...sealed, keyVersion: "4711", context }, call()),
      instance.encrypt({ key: missing, plaintext, context }, call()),
      instance.describeKey(missing, call()),
    ])),
  ]
  if (proxy !== undefined) {
    await proxy.setMode("reset")
    answers.push(...(await errorsOf([instance.encrypt({ key, plaintext, context }, call())])))
    await proxy.setMode("pass")
  }
  return answers.map(everythingOf)
}

async function stepsWithAndWithoutFaults({ instance, proxy, call }: KeystoreCaseContext): Promise<readonly unknown[]> {
  const healthy = await collectSteps(instance.testConnection(call()))
  if (proxy === undefined) return healthy
  await proxy.setMode("reset")
  return [...healthy, ...(await collectSteps(instance.testConnection(call())))]
}

async function errorsOf(work: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(work)
  return settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []))
}

/** What a log, a debugger or an API answer could show of a value: its printed form, and every text and byte below it. */
function everythingOf(value: unknown): string {
  const printed = inspect(value, { depth: 12, showHidden: true, maxStringLength: Number.POSITIVE_INFINITY })
  return [printed, ...textsBelow(value, new Set())].join("\n")
}

function textsBelow(value: unknown, seen: Set<unknown>): readonly string[] {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null || seen.has(value)) return []
  seen.add(value)
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("hex"), Buffer.from(value).toString("utf8")]
  const entries = value instanceof Map || value instanceof Set ? [...value] : []
  // Not by `in` alone: message, stack and cause of an error are not enumerable.
  const own = Object.getOwnPropertyNames(value).map((name) => Reflect.get(value, name) as unknown)
  return [...entries, ...own].flatMap((child) => textsBelow(child, seen))
}

function assertNothingLeaks(place: string, texts: readonly string[], opened: KeystoreCaseContext): void {
  for (const text of texts) {
    assertNoCanary(`${place} (a plaintext, if it is secret ${opened.canaries.length})`, text, [
      ...opened.canaries,
      plaintext,
    ])
  }
}
