import { workerData } from "node:worker_threads"
import { type AttackName, attackOrder, attacks } from "./attacks.ts"

const order = attackOrder.parse(workerData)
attacks[order.attack as AttackName].run(order)
