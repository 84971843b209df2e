import { defineConfig, type Options } from "tsup"

/** The one build of every published package: ESM with type declarations, dependencies left outside. */
export const libraryConfig = (entry: Record<string, string>) => defineConfig(library(entry))

/** A plugin: the library, and beside it the executable as one file, so that one checksum covers all that runs. */
export const pluginConfig = (entry: Record<string, string>) => defineConfig([library(entry), executable])

function library(entry: Record<string, string>): Options {
  return { entry, format: ["esm"], dts: true, target: "node22", clean: true, sourcemap: true }
}

const executable: Options = {
  entry: { serve: "src/serve.ts" },
  format: ["esm"],
  target: "node22",
  platform: "node",
  outExtension: () => ({ js: ".mjs" }),
  noExternal: [/./],
  splitting: false,
  minify: true,
  // What was written for CommonJS asks for Node's own modules by `require`.
  banner: {
    js: 'import { createRequire as apeiroRequire } from "node:module"; const require = apeiroRequire(import.meta.url);',
  },
}
