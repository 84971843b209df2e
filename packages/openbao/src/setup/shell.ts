/** Quotes a text for bash as a single word. The text must not contain control characters. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * Writes commands that mount an engine or an auth method if nothing is mounted there, keep an existing one of the same
 * type, and fail for another type. They use the `field` and `fail` functions of the set-up script.
 */
export function enabledOnce(kind: "secrets" | "auth", path: string, type: string, fieldName: string): string {
  const [place, nothing] =
    kind === "secrets" ? ["sys/mounts", "No secret engine mount at"] : ["sys/auth", "No auth engine at"]
  return `mounted=$(field type ${quoted(`${place}/${path}`)} ${quoted(nothing)})
case $mounted in
  '') bao ${kind} enable -path=${quoted(path)} ${type} ;;
  ${type}) echo ${quoted(`${path} already exists and stays unchanged.`)} ;;
  *) fail ${quoted(`${path} already exists, but is not of type ${type}: choose another ${fieldName}. It has type:`)} "$mounted" ;;
esac`
}
