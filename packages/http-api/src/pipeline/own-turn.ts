import type { ServerResponse } from "node:http"

/**
 * Waits until a response has its connection for itself: the answer to an earlier request on it, which the caller did not
 * wait for, goes first. Resolves as well when the connection has ended.
 */
export function ownTurn(response: ServerResponse): Promise<void> {
  const connection = response.req.socket
  if (response.socket !== null || connection.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const settle = () => {
      response.off("socket", settle)
      connection.off("close", settle)
      resolve()
    }
    response.once("socket", settle)
    connection.once("close", settle)
  })
}
