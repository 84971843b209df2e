import { pluginKindNames } from "@apeiro-cmk/plugin-interface"
import { defaultKeystorePoolBounds } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { listenerSchema } from "./listener-schema.ts"
import { quotasSchema } from "./quotas-schema.ts"

/** Importance of a process's log lines, least first. */
export const processLogLevels = ["trace", "debug", "info", "warn", "error"] as const

const acceptsReference = { acceptsReference: true }

/** Marks a field whose value is never written in the profile. */
const isReference = { isReference: true }

const path = z.string().min(1).max(4096)

/** One entry of `plugins`, as written. */
export const pluginEntrySchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/, "expected a letter, then up to 49 letters, digits, _ or -")
      .meta({ description: "Name of this plugin in messages and in /v1/plugins; unique in the profile." }),
    type: z.enum(pluginKindNames).meta({ description: "Kind of the plugin; must be what its manifest says." }),
    package: z
      .string()
      .max(214)
      .regex(/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/, "expected the name of an npm package")
      .optional()
      .meta({ description: "npm package, looked up from the profile's own folder." }),
    path: path.optional().meta({ description: "Executable of a plugin that runs as a separate process." }),
    args: z.array(z.string().max(4096)).max(100).optional().meta({ description: "Arguments of the executable." }),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable"), z.string().max(32_768))
      .optional()
      .meta({
        description:
          "Variables of the executable in addition to PATH, HOME, LANG, TZ and TMPDIR. No secrets: they would be readable here.",
      }),
    checksum: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "expected the SHA-256 of the file, 64 hexadecimal digits")
      .optional()
      .meta({ description: "SHA-256 of the file at `path`, compared before it is started." }),
    version: z.literal([0, 1], "expected 1: there is no other version of the plugin protocol").optional().meta({
      description: "Version of the plugin's service; there is only 1.",
    }),
    logLevel: z.enum(processLogLevels).default("info").meta({
      description: "Least important lines that reach the host's log. For plugins that run as processes.",
    }),
    isolation: z
      .enum(["in-process", "process"])
      .optional()
      .meta({ description: "Where it runs. Default: in-process for a package, process for a path." }),
    onFailure: z
      .enum(["abort", "continue"])
      .default("abort")
      .meta({ description: "What the host does when this plugin cannot be loaded or started." }),
    tags: z
      .array(z.string().min(1).max(100))
      .max(50)
      .default([])
      .meta({ description: "Free labels; the host shows them and does not read them." }),
    configuration: z.record(z.string(), z.unknown()).default({}).meta({
      description: "The plugin's own configuration; its README lists the keys. References are allowed anywhere.",
    }),
    yamlConfiguration: z
      .string()
      .max(65_536)
      .optional()
      .meta({ description: "Configuration of an executable, handed over as text." }),
  })
  .meta({ oneOf: [{ required: ["package"] }, { required: ["path"] }] })

/** A profile as written, once its references are replaced. It lacks the defaults that depend on other values. */
export const profileSchema = z
  .strictObject({
    mode: z
      .enum(["development", "production"])
      .meta({ description: "production refuses plugins that are meant for trials." }),
    listeners: z
      .strictObject({
        api: listenerSchema({ port: 8470, maximumConnections: 2048, maximumRequests: 1024 }).prefault({}),
        operations: listenerSchema({ port: 8471, maximumConnections: 128, maximumRequests: 64 }).prefault({}),
      })
      .prefault({})
      .meta({ description: "Where the host listens, and how much at once." }),
    quotas: quotasSchema.prefault({}).meta({ description: "How much each tenant may store." }),
    persistence: z
      .strictObject({
        url: z
          .string()
          .regex(
            /^(sqlite:(\/\/\/)?[^/?#][^?#]*|postgres(ql)?:\/\/[^\s/?#]+\/[^\s/?#]+(\?[^\s#]*)?)$/,
            "expected sqlite:PATH, sqlite:///ABSOLUTE/PATH or postgres://USER@HOST:PORT/DATABASE",
          )
          .optional()
          .meta({ ...acceptsReference, description: "Database. Default: host.sqlite in the data directory." }),
        password: z
          .string()
          .min(1)
          .optional()
          .meta({ ...isReference, description: "Password for PostgreSQL; read again for each new connection." }),
        maximumConnections: z
          .int()
          .min(2)
          .max(200)
          .optional()
          .meta({ description: "Most connections of this host to PostgreSQL. Default: 10." }),
      })
      .prefault({})
      .meta({ description: "Where the host keeps its records." }),
    dataDirectory: path.default("data").meta({
      ...acceptsReference,
      description: "Folder of everything without a separate setting. Default: data, next to the profile.",
    }),
    credentialDirectory: path.optional().meta({
      ...acceptsReference,
      description:
        "Files that tenants' keystore configurations name, one folder per tenant. Default: credentials in the data directory.",
    }),
    credentialStore: z
      .strictObject({
        root: path.optional().meta({
          ...acceptsReference,
          description: "File of the key that seals stored secrets. Default: credential-root.key in the data directory.",
        }),
      })
      .prefault({})
      .meta({ description: "The store of secrets." }),
    openedKeystores: z
      .strictObject({
        idleMs: z.int().min(1_000).max(86_400_000).default(defaultKeystorePoolBounds.idleMs).meta({
          description: "How long a keystore stays open without use, in milliseconds.",
        }),
        maximumOpen: z.int().min(1).max(100_000).default(defaultKeystorePoolBounds.maximumOpen).meta({
          description: "Most keystores that this host has open at once.",
        }),
        maximumPerTenant: z.int().min(1).max(100_000).default(defaultKeystorePoolBounds.maximumPerTenant).meta({
          description: "Most of them of one tenant; beyond it, the tenant's own longest idle one is closed.",
        }),
      })
      .prefault({})
      .meta({ description: "Bounds of opened keystores; one in use is never closed for another." }),
    plugins: z.array(pluginEntrySchema).min(1).max(100).meta({ description: "What to load, in order of start." }),
  })
  .meta({
    title: "Profile of an apeiro-cmk host",
    description: "A relative path starts at the folder of the profile.",
  })
