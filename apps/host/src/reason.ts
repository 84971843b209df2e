/** Gives the message of an error for a log field. For errors of our own packages, whose messages carry no secret. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error
}
