import { assertNoCanary, collectSteps } from "../../cases/expectations.ts"
import { everythingOf } from "../../cases/texts.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"

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

/** Calls with every outcome. @returns everything that came back except plaintexts, as text */
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
  return settled.filter((each) => each.status === "rejected").map(({ reason }): unknown => reason)
}

function assertNothingLeaks(place: string, texts: readonly string[], opened: KeystoreCaseContext): void {
  for (const text of texts) {
    assertNoCanary(`${place} (a plaintext, if it is secret ${opened.canaries.length})`, text, [
      ...opened.canaries,
      plaintext,
    ])
  }
}
