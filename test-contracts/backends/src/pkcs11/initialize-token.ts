/** Initialises a token in an empty slot: `initialize-token.ts MODULE SLOT LABEL PIN`. The PIN is also its security officer's. */
import { createRequire } from "node:module"
import type * as pkcs11js from "pkcs11js"

const serial = 4
const readWrite = 2
const labelBytes = 32
const [module = "", slotNumber = "", label = "", pin = ""] = process.argv.slice(2)
const constants: typeof pkcs11js = createRequire(import.meta.url)("pkcs11js")
const library = new constants.PKCS11()
library.load(module)
library.C_Initialize()
const slot = library.C_GetSlotList(false).find((each) => each.readBigUInt64LE(0) === BigInt(slotNumber))
if (slot === undefined) throw new Error(`there is no slot ${slotNumber}`)
library.C_InitToken(slot, pin, label.padEnd(labelBytes)) // the binding does not pad
const session = library.C_OpenSession(slot, serial | readWrite)
library.C_Login(session, constants.CKU_SO, pin)
library.C_InitPIN(session, pin)
library.C_Finalize()
