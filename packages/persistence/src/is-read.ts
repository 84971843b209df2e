/** Tells whether a statement of the repositories only reads. */
export function isRead(sql: string): boolean {
  return /^select\b/i.test(sql)
}
