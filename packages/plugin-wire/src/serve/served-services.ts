import type { ServedServices } from "../kinds/kind.ts"

/** Describes the services of a kind that leaves nothing open between calls. @param serviceName - upstream's service */
export function stateless(serviceName: string): ServedServices {
  return { serviceName, close: async () => undefined }
}
