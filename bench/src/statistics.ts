/**
 * The value below which a given share of the values lies.
 * @param share - 0 to 1; 0.5 is the median
 * @returns NaN for no values
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}

/** The median. @returns NaN for no values */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}
