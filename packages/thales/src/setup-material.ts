import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { setupConfiguration } from "./config.ts"

type Setup = z.output<typeof setupConfiguration>

/**
 * Writes the commands with which the HSM's administrator registers the client and creates the partition and its key,
 * and the rules that the network needs. Source: Thales, "Luna Network HSM 7, Partition Administration Guide".
 */
export function setupMaterial(configuration: Setup): readonly SetupDocument[] {
  return [
    {
      title: "Commands on each appliance (LunaSH), for its administrator",
      fileName: "luna-appliance.txt",
      language: "text",
      text: onAppliances(configuration),
    },
    {
      title: "Commands in the client (LunaCM), for the partition's officers",
      fileName: "luna-partition.txt",
      language: "text",
      text: inClient(configuration),
    },
    {
      title: "Network rules",
      fileName: "network-rules.txt",
      language: "text",
      text: networkRules(configuration),
    },
  ]
}

const clientName = "apeiro-cmk"

function onAppliances({ partition_label, hsm_ip_addresses, client_certificate = "CLIENT.pem" }: Setup): string {
  const lines = [
    `# 1. Copy ${client_certificate} to the appliance as ${clientName}.pem (scp), and the appliance's server.pem to the host:`,
    "#    append the server.pem of each appliance to ca_certificate.",
    "# 2. Register the client, create the partition, and assign it to the client:",
    `client register -client ${clientName} -hostname ${clientName}`,
    `client hostip map -client ${clientName} -ip ADDRESS_OF_THE_HOST`,
    `partition create -partition ${partition_label}`,
    `client assignPartition -client ${clientName} -partition ${partition_label}`,
  ]
  return hsm_ip_addresses.map((address) => [`# On ${address}:`, ...lines, ""].join("\n")).join("\n")
}

function inClient({ partition_label, key_label, hsm_ip_addresses }: Setup): string {
  const lines = [
    "# 1. As security officer; several appliances need the same cloning domain:",
    `partition init -label ${partition_label}`,
    "role login -name po",
    "role init -name co",
    "# 2. As crypto officer: generate the key in the HSM, which it never leaves (cmu of the Luna client asks for the PIN):",
    `cmu generatekey -keytype=AES -keysize=32 -label=${key_label} -encrypt=1 -decrypt=1 -sensitive=1 -extractable=0 -private=1 -wrap=0 -unwrap=0`,
    "# 3. Create the user account for the platform; its PIN is the keystore's `pin`:",
    "role init -name cu",
    "# 4. Read the values for serial_numbers of the keystore:",
    "slot list",
  ]
  const clone = [
    "# 5. Clone the key to each other appliance, after steps 1 and 3 there (do not generate it again):",
    "partition clone -objects HANDLE_OF_THE_KEY -slot SLOT_OF_THE_OTHER_PARTITION",
  ]
  return [...lines, ...(hsm_ip_addresses.length > 1 ? clone : []), ""].join("\n")
}

function networkRules({ hsm_ip_addresses }: Setup): string {
  const rules = hsm_ip_addresses.map(
    (address) => `allow: from the host to ${address}, TCP port 1792 (NTLS: TLS with client and server certificates)`,
  )
  return [...rules, "deny: all other traffic to these addresses", ""].join("\n")
}
