/**
 * Arguments for Node that make a plugin's process smaller at the same rate of calls (benchmark `wire`): a small young
 * generation, no mid-tier compiler, and an old generation that is collected when it has grown by 30 %.
 */
export const smallNodeArguments: readonly string[] = [
  "--max-semi-space-size=2",
  "--no-maglev",
  "--heap-growing-percent=30",
]

/**
 * Variables for the same purpose: glibc's default threshold, made explicit. An implicit one grows while the executable is
 * read, and that memory is never released (mallopt(3)). Without glibc it has no effect.
 */
export const smallNodeEnvironment: Readonly<Record<string, string>> = { MALLOC_TRIM_THRESHOLD_: "131072" }
