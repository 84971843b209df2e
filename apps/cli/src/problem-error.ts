import { problemDocument } from "@apeiro-cmk/http-api/schemas"
import { CliError, exitCodeOf } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { nextStepFor } from "./next-step.ts"

/** Reads the host's refusal of a request: one sentence, each single fault once, and a next step. */
export async function problemError(response: Response, path: string): Promise<CliError> {
  const parsed = problemDocument.safeParse(await jsonOf(response))
  if (!parsed.success) {
    return new CliError(
      exitCodes.failure,
      `${response.url} answered ${response.status}, but not with a problem as the host does.`,
      "Check that --url is the address of the host's API.",
    )
  }
  const { status, title, origin, code, issues = [] } = parsed.data
  const faults = [...new Set(issues.map((issue) => `${issue.path.join(".") || "document"}: ${issue.message}`))]
  const message = [summary(title, faults), ...faults.map((fault) => `  ${fault}`)].join("\n")
  return new CliError(exitCodeOf(status, origin, code), message, nextStepFor(parsed.data, path), parsed.data)
}

/** Takes the faults out of a title that lists them, too. */
function summary(title: string, faults: readonly string[]): string {
  const [first] = faults
  const listsAll = first !== undefined && faults.every((fault) => title.includes(fault))
  return listsAll ? title.slice(0, title.indexOf(first)).trimEnd() || title : title
}

/** Reads a JSON body. @returns undefined for any other body, such as the page of a proxy */
export async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}
