#!/usr/bin/env node
import { servePlugin } from "@apeiro-cmk/plugin-sdk/go-plugin"
import packageJson from "../../package.json" with { type: "json" }
import { referencePlugin } from "./keystore/plugin.ts"

await servePlugin(referencePlugin, { version: packageJson.version })
