import { type AttackName, attackOrder, attacks } from "./attacks.ts"

process.once("disconnect", () => process.exit(1))
process.once("message", (message) => {
  const order = attackOrder.parse(message)
  attacks[order.attack as AttackName].run(order)
  process.send?.("started")
})
