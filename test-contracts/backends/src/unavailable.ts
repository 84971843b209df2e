/** A real server is not available on this machine: the tests skip what needs it, or fail where CI requires everything. */
export class BackendUnavailable extends Error {
  override readonly name = "BackendUnavailable"
}
