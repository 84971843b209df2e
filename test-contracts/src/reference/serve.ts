#!/usr/bin/env node
import { servePlugin } from "@apeiro-cmk/plugin-wire/serve"
import packageJson from "../../package.json" with { type: "json" }
import { referencePlugin } from "./keystore/plugin.ts"

await servePlugin(referencePlugin, { version: packageJson.version })
