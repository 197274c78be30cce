// What the workers of the scenario `pool` run, for piscina and for Gyre alike.

export default function nothing(): number {
  return 1
}

/** Some milliseconds of arithmetic. */
export function compute(rounds: number): number {
  let x = 1
  for (let i = 0; i < rounds * 100_000; i++) x = (x * 1_103_515_245 + 12_345) % 2_147_483_648
  return x
}
