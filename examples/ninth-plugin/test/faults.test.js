import { describe, it } from "node:test"
import { faults, keystoreFaultMatrix } from "@apeiro-cmk/test-contracts"
import { open } from "./open.js"

// A Pocket KMS does not use TLS, so it has no certificates that could be wrong.
const withoutTls = faults.filter((fault) => fault !== "foreignAuthority" && fault !== "expiredCertificate")

keystoreFaultMatrix({ describe, it }, { name: "pocket-kms", faults: withoutTls, open })
