export { canarySpellings, type FoundCanary, findCanary } from "./testing/canary.ts"
export { type FakeClock, fakeClock } from "./testing/fake-clock.ts"
export { type LogLine, type LogSink, logSink } from "./testing/log-sink.ts"
export { type InProcessOptions, openInProcess } from "./testing/open-in-process.ts"
export {
  type ReportedEvent,
  type TestCallSettings,
  type TestServices,
  testCall,
  testServices,
} from "./testing/test-services.ts"
