/**
 * Settings that an SDK client would otherwise look up in the process's environment or in `~/.aws`. One attempt, because
 * the host is responsible for retries.
 */
export const sdkSettings = {
  maxAttempts: 1,
  retryMode: "standard" as const,
  defaultsMode: "standard" as const,
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  userAgentAppId: "apeiro-cmk",
  authSchemePreference: ["aws.auth#sigv4"],
}
