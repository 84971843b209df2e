#!/usr/bin/env node
import { servePlugin } from "@apeiro-cmk/plugin-wire/serve"
import packageJson from "../../package.json" with { type: "json" }
import { referencePlugin } from "./keystore/plugin.ts"
import { referencePlugins } from "./plugins.ts"

// The argument names the kind; without one it is a keystore.
const [kind] = process.argv.slice(2)
const others = new Map(Object.entries(referencePlugins))
await servePlugin(others.get(kind ?? "") ?? referencePlugin, { version: packageJson.version })
