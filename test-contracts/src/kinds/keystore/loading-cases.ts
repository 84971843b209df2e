import { assertLoadsNoVendorSdk } from "../../cases/loaded-packages.ts"
import type { KeystoreCase } from "./case-context.ts"

export const loadingCases: readonly KeystoreCase[] = [
  {
    name: "is readable without a vendor's SDK: importing the package loads none",
    async run({ options: { moduleUrl, mayLoad }, notProven }) {
      if (moduleUrl === undefined) return notProven("moduleUrl")
      await assertLoadsNoVendorSdk(moduleUrl, mayLoad)
    },
  },
]
