import type { SetupDocument } from "@apeiro-cmk/plugin-interface"
import type { z } from "zod"
import type { setupConfiguration } from "./config.ts"

/** The commands with which the HSM's administrator prepares the partition and its key, and what the network has to allow. */
export function setupMaterial(configuration: z.output<typeof setupConfiguration>): readonly SetupDocument[] {
  const { partition_label: partition, key_label: key, hsm_ip_addresses: addresses } = configuration
  return [
    {
      title: "Commands on the HSM and in its client",
      fileName: "luna-setup.txt",
      language: "text",
      text: [
        "# On each appliance (lunash), as its administrator:",
        `partition create -partition ${partition}`,
        `client assignPartition -client CLIENT_NAME -partition ${partition}`,
        "# In the client (lunacm), as the partition's crypto officer:",
        `partition init -label ${partition}`,
        "role init -name co",
        "# The key, made in the HSM, never to leave it (cmu of the Luna client):",
        `cmu generatekey -keytype=AES -keysize=32 -label=${key} -encrypt=1 -decrypt=1 -sensitive=1 -extractable=0 -private=1 -wrap=0 -unwrap=0`,
        "",
      ].join("\n"),
    },
    {
      title: "What the network has to allow",
      fileName: "network-rules.txt",
      language: "text",
      text: `${addresses.map((address) => `from the host to ${address}, TCP port 1792 (NTLS)`).join("\n")}\n`,
    },
  ]
}
