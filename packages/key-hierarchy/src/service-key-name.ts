const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/

/** Whether a text can be the name of a service key. */
export function isServiceKeyName(name: string): boolean {
  return namePattern.test(name)
}
