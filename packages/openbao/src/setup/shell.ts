/** Quotes a text for bash, so that it is one word and nothing else. The text must have no control characters. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * Commands of the set-up script that mount an engine or a method of authentication where nothing is, leave one of the
 * same type alone, and refuse another. They use the script's `field` and `fail`.
 */
export function enabledOnce(kind: "secrets" | "auth", path: string, type: string, fieldName: string): string {
  const [place, nothing] =
    kind === "secrets" ? ["sys/mounts", "No secret engine mount at"] : ["sys/auth", "No auth engine at"]
  return `mounted=$(field type ${quoted(`${place}/${path}`)} ${quoted(nothing)})
case $mounted in
  '') bao ${kind} enable -path=${quoted(path)} ${type} ;;
  ${type}) echo ${quoted(`${path} is there already and stays as it is.`)} ;;
  *) fail ${quoted(`${path} is there already, and is no ${type}: choose another ${fieldName}. It is:`)} "$mounted" ;;
esac`
}
