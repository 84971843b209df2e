import { type DataTypeNode, type Dialect, PostgresDialect, PostgresQueryCompiler } from "kysely"
import type { ConnectionPool } from "./pool.ts"

/** Makes the Kysely dialect for a pool of connections. */
export function postgresDialect(pool: ConnectionPool): Dialect {
  const dialect = new PostgresDialect({ pool })
  return {
    createDriver: () => dialect.createDriver(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => new ByteOrderCompiler(),
  }
}

/**
 * Compares text byte by byte, as SQLite does. The server's default sorts by the rules of a language, and an upgrade of
 * the libraries that define them leaves damaged indexes behind.
 */
class ByteOrderCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node)
    if (node.dataType === "text") this.append(' collate "C"')
  }
}
