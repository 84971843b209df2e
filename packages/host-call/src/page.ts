/** A part of a list that has an order. */
export interface Page<Position> {
  /** Place of the last entry of the part before; absent for the first part. */
  readonly after?: Position
  /** Most entries of this part. */
  readonly limit: number
}
