/** A real server that cannot be had on this machine: a skip, or a failure where CI asks for everything. */
export class BackendUnavailable extends Error {
  override readonly name = "BackendUnavailable"
}
