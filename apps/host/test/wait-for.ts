/** Looks every few milliseconds until it finds something; fails after `limitMs`. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  limitMs = 25_000,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const limit = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs)
  const tryAgain = async () => {
    const found = await look()
    if (found !== undefined) resolve(found)
    else timer = setTimeout(() => void tryAgain().catch(reject), 20)
  }
  let timer = setTimeout(() => void tryAgain().catch(reject), 0)
  try {
    return await promise
  } finally {
    clearTimeout(limit)
    clearTimeout(timer)
  }
}
