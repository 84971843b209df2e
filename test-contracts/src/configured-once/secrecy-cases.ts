import { assertNoCanary, collectSteps } from "../cases/expectations.ts"
import { everythingOf } from "../cases/texts.ts"
import type { PluginCase, PluginCaseContext } from "./case-context.ts"

export const secrecyCases: readonly PluginCase[] = [
  {
    name: "lets no secret into answers, errors or the steps of a connection test",
    async run(opened) {
      for (const seen of await useEverything(opened)) assertNoCanary("an answer", everythingOf(seen), opened.canaries)
    },
  },
  {
    name: "lets no secret into logs",
    async run(opened) {
      await useEverything(opened)
      assertNoCanary("the log", opened.logs(), opened.canaries)
    },
  },
  {
    name: "lets no secret into the audit stream",
    async run(opened) {
      if (opened.auditEvents === undefined) return opened.notProven("auditEvents")
      await useEverything(opened)
      assertNoCanary("the audit stream", everythingOf(opened.auditEvents()), opened.canaries)
    },
  },
]

/** Makes every call, with and without a fault of the network. @returns all that came back */
async function useEverything({ plugin, calls, proxy, call }: PluginCaseContext): Promise<readonly unknown[]> {
  await plugin.start(call().signal)
  const seen: unknown[] = []
  const use = async () => {
    const answers = await Promise.allSettled(calls.map(({ start }) => start(call())))
    seen.push(...answers, await collectSteps(plugin.testConnection(call())), await plugin.setupMaterial(call()))
  }
  await use()
  if (proxy === undefined) return seen
  await proxy.setMode("reset")
  await use()
  return seen
}
