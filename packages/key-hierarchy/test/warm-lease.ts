import { hostCall, openHierarchy } from "./in-memory.ts"

/** Opens a hierarchy whose tenant `acme` has a lease and the service key `billing`. */
export async function warm({ leaseMs = 30_000 } = {}) {
  const opened = await openHierarchy({ leaseMs })
  await opened.hierarchy.createServiceKey("acme", "billing", hostCall())
  const generate = () => opened.hierarchy.generateDataKey("acme", "billing", hostCall())
  const { envelope } = await generate()
  const decrypts = () => opened.l1.calls.decrypt
  return { ...opened, generate, envelope, decrypts }
}

/** Lets work continue that waits for promises alone. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))
