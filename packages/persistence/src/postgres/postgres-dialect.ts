import { type DataTypeNode, type Dialect, PostgresDialect, PostgresQueryCompiler } from "kysely"
import type { ConnectionPool } from "./pool.ts"

/** Kysely on a pool of connections. */
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
 * Text is compared byte by byte, as SQLite does. The server's default sorts by a language, whose rules change with an
 * upgrade of its libraries and leave damaged indexes behind.
 */
class ByteOrderCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node)
    if (node.dataType === "text") this.append(' collate "C"')
  }
}
