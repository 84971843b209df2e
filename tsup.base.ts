import { defineConfig, type Options } from "tsup"

/** The one build of every published package: ESM with type declarations, dependencies left outside. */
export const libraryConfig = (entry: Record<string, string>) => defineConfig(library(entry))

/** A plugin: the library, and beside it the executable as one file, so that one checksum covers all that runs. */
export const pluginConfig = (entry: Record<string, string>, serve = "src/serve.ts") =>
  defineConfig([library(entry), { ...executableConfig({ serve }), esbuildPlugins: [withoutHostSide] }])

/** A command line: the library, and the program as one file that needs no package beside it. */
export const commandLineConfig = (entry: Record<string, string>, program: Record<string, string>) =>
  defineConfig([library(entry), executableConfig(program)])

function library(entry: Record<string, string>): Options {
  return { entry, format: ["esm"], dts: true, target: "node22", clean: true, sourcemap: true }
}

/** Our host's side of a kind never runs in a plugin's process, and a file costs memory for all that it holds (ADR 0020). */
const withoutHostSide: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "without-host-side",
  setup(build) {
    build.onResolve({ filter: /^\.\/host\.ts$/ }, ({ importer, path }) =>
      importer.includes("/plugin-wire/src/kinds/") ? { path, external: true } : undefined,
    )
  },
}

/** One or more executables alone, each bundled into one file. */
export function executableConfig(entry: Record<string, string>): Options {
  return {
    entry,
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
    esbuildOptions(options) {
      // Legal comments go into a file of their own, *.mjs.LEGAL.txt: one letter outside of ASCII doubles the memory of the
      // text.
      options.legalComments = "external"
      // grpc-js asks for it only where channelz is served. What is never run has to be parsed all the same.
      options.external = [...(options.external ?? []), "@grpc/proto-loader"]
    },
  }
}
