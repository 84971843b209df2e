#!/usr/bin/env node
import { servePlugin } from "@apeiro-cmk/plugin-wire/serve"
import packageJson from "../package.json" with { type: "json" }
import { plugin } from "./plugin.ts"
import { runTokenProcess, tokenProcessVariable } from "./token/token-process.ts"

// One file serves as both the plugin and the process of each of its tokens.
if (process.env[tokenProcessVariable] === "1") runTokenProcess()
else await servePlugin(plugin, { version: packageJson.version })
