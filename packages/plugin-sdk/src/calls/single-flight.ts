/** Makes work that runs once at a time: callers that ask while it runs wait for the same outcome. */
export function singleFlight<Argument, Result>(
  work: (argument: Argument) => Promise<Result>,
): (argument: Argument) => Promise<Result> {
  let running: Promise<Result> | undefined
  return (argument) => {
    running ??= work(argument).finally(() => {
      running = undefined
    })
    return running
  }
}
