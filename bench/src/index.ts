export { buildLoadClient, type Load, type LoadCheck, type LoadResult, runLoad } from "./load-client.ts"
export { type ProcessUsage, processUsage } from "./process-usage.ts"
export {
  figure,
  type Report,
  type ReportRow,
  rowWithTarget,
  type Target,
  table,
  targetTable,
  writeReport,
} from "./report.ts"
export { median, percentile } from "./statistics.ts"
