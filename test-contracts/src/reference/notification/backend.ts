import * as z from "zod"
import { type Operations, Refusal } from "../operations.ts"

const delivery = z.object({ target: z.string(), event: z.object({ id: z.string() }) })

/** The reference receiver knows the target `default`. */
export const notificationOperations: Operations = {
  deliver(input) {
    if (delivery.parse(input).target !== "default") throw new Refusal("unknown-target")
  },
}
