#!/usr/bin/env node
import { servePlugin } from "@apeiro-cmk/plugin-wire/serve"
import packageJson from "../package.json" with { type: "json" }
import { plugin } from "./plugin.ts"

await servePlugin(plugin, { version: packageJson.version })
