import { openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"

async function materialFor(configuration: Record<string, unknown>) {
  const started = await openInProcess(plugin)
  onTestFinished(() => started.stop())
  return (await started.setupMaterial?.(configuration, testCall())) ?? []
}

const one = { hsm_ip_addresses: ["192.168.1.100"], partition_label: "openkcm_partition", key_label: "l1" }

it("names the tenant's partition, key and appliances before there is a PIN", async () => {
  const [appliance, partition, network] = await materialFor({ ...one, client_certificate: undefined })
  expect(appliance?.text).toContain("partition create -partition openkcm_partition\n")
  expect(partition?.text).toContain("-label=l1 ")
  expect(partition?.text).toContain("-extractable=0")
  expect(partition?.text).not.toContain("partition clone")
  expect(network?.text).toContain("192.168.1.100, TCP port 1792")
})

it("has several appliances clone the key, not generate it again", async () => {
  const [appliance, partition] = await materialFor({ ...one, hsm_ip_addresses: ["192.168.1.100", "192.168.1.101"] })
  expect(appliance?.text.match(/client register/g)).toHaveLength(2)
  expect(partition?.text).toContain("partition clone -objects")
})
