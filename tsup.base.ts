import { defineConfig } from "tsup"

/** The one build of every published package: ESM with type declarations, dependencies left outside. */
export const libraryConfig = (entry: Record<string, string>) =>
  defineConfig({ entry, format: ["esm"], dts: true, target: "node22", clean: true, sourcemap: true })
