/**
 * One tenant never costs another: p99 of a healthy tenant's data keys, tests and lists, alone and beside each attempt of a
 * hostile one, on this checkout and on an earlier one, so that a row which cannot fail shows.
 *
 * Needs Linux; as root also the row about names, by a name server of its own. Takes about six minutes; for figures worth
 * quoting, run nothing else on the machine.
 */
import { parseArgs } from "node:util"
import { table, targetTable, writeReport } from "@apeiro-cmk/bench"
import { startOpenBao } from "@apeiro-cmk/test-backends"
import { type AttackName, attacks } from "./fairness/attacks.ts"
import { type Checkout, earlierCheckout, thisCheckout } from "./fairness/earlier-checkout.ts"
import { type MeasuredRow, measureRows } from "./fairness/measure.ts"
import { startNeighbourhood } from "./fairness/neighbourhood.ts"
import { reportRows, rowLines, tableHead } from "./fairness/rows.ts"
import { prepareOpenBao } from "./fairness/tenants.ts"

const usage = `npm run bench -- fairness [--rows NAME,...] [--seconds S] [--rounds N] [--against COMMIT] [--json FILE]

  --rows NAME,...   only these: ${Object.keys(attacks).join(", ")}
  --seconds S       length of each load (default 6)
  --rounds N        rounds of each row; each figure is their median (default 3)
  --against COMMIT  an earlier commit of this repository (default 7defede); "none" for this checkout alone
  --json FILE       writes the figures as JSON`

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: Object.keys(attacks).join(",") },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    against: { type: "string", default: "7defede" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark()

async function benchmark(): Promise<void> {
  const withNames = process.getuid?.() === 0
  const names = chosenRows(withNames)
  const checkouts: readonly Checkout[] =
    values.against === "none" ? [thisCheckout] : [thisCheckout, await earlierCheckout(values.against)]
  const openBao = await startOpenBao()
  await prepareOpenBao(openBao.admin)
  const neighbourhood = await startNeighbourhood(openBao.port, withNames)
  try {
    const measured: MeasuredRow[] = []
    for (const checkout of checkouts) {
      const options = {
        ...{ checkout, names, withNames, admin: openBao.admin, openBaoPort: neighbourhood.openBaoPort },
        ...{ seconds: Number(values.seconds), rounds: Number(values.rounds) },
        progress: (line: string) => process.stderr.write(`${checkout.name}: ${line}\n`),
      }
      measured.push(...(await measureRows(options)))
    }
    const rows = reportRows(measured, thisCheckout.name)
    process.stdout.write(`${table(tableHead, rowLines(measured))}\n\n${targetTable(rows)}\n`)
    if (values.json !== undefined) await writeReport(values.json, { benchmark: "fairness", rows })
    process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
  } finally {
    await neighbourhood.stop()
    await openBao.stop()
  }
}

function chosenRows(withNames: boolean): readonly AttackName[] {
  const wanted = values.rows.split(",")
  const unknown = wanted.find((name) => !Object.hasOwn(attacks, name))
  if (unknown !== undefined) throw new Error(`There is no row "${unknown}": ${Object.keys(attacks).join(", ")}.`)
  return (wanted as AttackName[]).filter((name) => {
    if (withNames || !("needsNames" in attacks[name])) return true
    process.stderr.write(`left out, needs root for a name server of its own: ${attacks[name].title}\n`)
    return false
  })
}
