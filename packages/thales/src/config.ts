import { egressConfiguration, secret, tenantPath } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

const moduleSettings = z.strictObject({
  library: z.string().min(1).max(4096).meta({ format: "path", title: "PKCS#11 library" }),
  environment: z
    .record(
      z
        .string()
        .max(128)
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of a variable"),
      z.string().max(4096),
    )
    .default({})
    .meta({ maxProperties: 64, title: "Variables for the library", description: "E.g. SOFTHSM2_CONF. No secrets." }),
  clientConfiguration: z.enum(["none", "chrystoki"]).default("none").meta({
    title: "Client configuration",
    description: "chrystoki: the plugin writes one for each process, with the tenant's certificate.",
  }),
  port: z.int().min(1).max(65_535).optional().meta({
    title: "Port of the appliances",
    description: "The connection test connects to it, e.g. 1792 (NTLS). Without it, the test skips the network.",
  }),
  fipsLevel: z.string().min(1).max(100).optional().meta({
    title: "FIPS level",
    description: "As the operator knows it, e.g. `140-3 level 3`: tokens do not report one.",
  }),
})

/** The settings that the operator makes once, for all keystores of this plugin. */
export const pluginConfiguration = z.strictObject({
  ...egressConfiguration,
  modules: z
    .record(
      z
        .string()
        .max(31)
        .regex(/^[a-z][a-z0-9_-]{0,30}$/, "must be lower-case letters and digits"),
      moduleSettings,
    )
    .default({
      luna: {
        library: "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
        environment: {},
        clientConfiguration: "chrystoki",
        port: 1792,
      },
    })
    .meta({
      maxProperties: 32,
      title: "PKCS#11 modules",
      description: "By the name that keystores use; only the operator names library files.",
    }),
  sessions: z.int().min(1).max(64).default(16).meta({
    title: "Sessions",
    description: "Maximum number of sessions of one keystore with its partition; one for each operation in flight.",
  }),
  heartbeatMs: z.int().min(100).max(60_000).default(250).meta({ title: "Heartbeat", description: "In milliseconds." }),
  tryTimeoutMs: z.int().min(50).max(30_000).default(1_000).meta({
    title: "Time for one appliance",
    description: "Longest time before the next one is tried, in milliseconds.",
  }),
  recoveryMs: z.int().min(100).max(600_000).default(5_000).meta({
    title: "Recovery",
    description: "How often a failed appliance is checked, in milliseconds.",
  }),
  keepAliveMs: z.int().min(1_000).max(3_600_000).default(30_000).meta({
    title: "Keep-alive",
    description: "An appliance that has been idle for this long is checked, in milliseconds.",
  }),
  latencyWarnMs: z.int().min(1).max(60_000).default(45).meta({
    title: "Latency for a warning",
    description: "Median of ten operations in the connection test, in milliseconds.",
  }),
  latencyFailMs: z.int().min(1).max(60_000).default(50).meta({
    title: "Latency for a failure",
    description: "Median of ten operations in the connection test, in milliseconds.",
  }),
  silenceMs: z.int().min(200).max(120_000).default(1_200).meta({
    title: "Silence",
    description: "A process that has not answered for this long is replaced, in milliseconds.",
  }),
})

/** The parsed plugin configuration. */
export type PluginConfiguration = z.output<typeof pluginConfiguration>

/** The parsed settings of one PKCS#11 module. */
export type ModuleSettings = z.output<typeof moduleSettings>

const label = z.string().min(1).max(32)

const keystoreFields = z.strictObject({
  hsm_ip_addresses: z
    .array(z.union([z.ipv4().max(15), z.ipv6().max(45)]))
    .min(1)
    .max(4)
    .meta({ title: "Addresses of the appliances" }),
  partition_label: label.meta({ title: "Label of the partition" }),
  slot_id: z.int().min(0).max(65_535).optional().meta({
    title: "Slot",
    description: "Optional: the plugin finds the partition by its label, and warns if it is in another slot.",
  }),
  serial_numbers: z
    .array(z.string().min(1).max(16))
    .max(4)
    .default([])
    .meta({ title: "Serial numbers of the partitions" }),
  key_label: label.default("openkcm-l1").meta({ title: "Label of the L1 key" }),
  pin: secret({ oneLine: true }).optional().meta({ title: "PIN of the crypto user" }),
  pin_path: tenantPath()
    .optional()
    .meta({ title: "File with the PIN", description: "Read at each login; instead of pin." }),
  module: z
    .string()
    .max(31)
    .default("luna")
    .meta({ title: "PKCS#11 module", description: "Name of a module that the operator has configured." }),
  client_certificate: tenantPath().optional().meta({ title: "Client certificate", description: "File." }),
  client_private_key: tenantPath().optional().meta({ title: "Key of the client certificate", description: "File." }),
  ca_certificate: tenantPath().optional().meta({ title: "Certificates of the appliances", description: "File." }),
})

type Addressed = Pick<z.output<typeof keystoreFields>, "hsm_ip_addresses" | "serial_numbers">

type Certified = Pick<z.output<typeof keystoreFields>, "client_certificate" | "client_private_key" | "ca_certificate">

const filesFit = (given: Certified) => {
  const { client_certificate: certificate, client_private_key: key, ca_certificate: authority } = given
  return new Set([certificate, key, authority].map((each) => each === undefined)).size === 1
}
const filesError = {
  error: "must be given together with client_private_key and ca_certificate, or not at all",
  path: ["client_certificate"],
}

/** Each appliance has its own partition under the same label: only the serial numbers tell them apart. */
const serialsFit = ({ hsm_ip_addresses: addresses, serial_numbers: serials }: Addressed) =>
  serials.length === 0 || serials.length === addresses.length
const serialsError = {
  error: "must have one for each of hsm_ip_addresses, in the same order, or none",
  path: ["serial_numbers"],
}

/** The keystore configuration before there is a credential, for the set-up material. */
export const setupConfiguration = keystoreFields.refine(serialsFit, serialsError).refine(filesFit, filesError)

/** The fields that an administrator enters for one partition, or for several with the same key (story 3, step 2). */
export const keystoreConfiguration = setupConfiguration
  .refine(({ pin, pin_path }) => pin !== undefined || pin_path !== undefined, {
    error: "is missing: set pin or pin_path",
    path: ["pin"],
  })
  .refine(({ pin, pin_path }) => pin === undefined || pin_path === undefined, {
    error: "must be left out when pin is set",
    path: ["pin_path"],
  })

/** A parsed keystore configuration. */
export type KeystoreConfiguration = z.output<typeof keystoreConfiguration>
