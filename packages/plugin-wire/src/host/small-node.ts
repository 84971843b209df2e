/**
 * Arguments for Node that make a plugin's process smaller at the same rate (benchmark `wire`): a small young generation, no
 * mid-tier compiler, and an old generation that is collected when it has grown by 30 %.
 */
export const smallNodeArguments: readonly string[] = [
  "--max-semi-space-size=2",
  "--no-maglev",
  "--heap-growing-percent=30",
]

/**
 * The same for its environment: the default threshold of glibc, said aloud. Unsaid, it grows while the executable is read,
 * and what that took is not given back (mallopt(3)). Without glibc it means nothing.
 */
export const smallNodeEnvironment: Readonly<Record<string, string>> = { MALLOC_TRIM_THRESHOLD_: "131072" }
